"""The constraints of a request in words: one grammar for prices, context, providers and the rest.

Each production looks at a bounded window of tokens, so reading takes time linear in the text; of a
very long text the beginning and the end are read.

Belongs here: the order in which productions are tried and what one text says in all. Does not
belong here: a production (`request_price`, `request_context`, `request_providers`,
`request_wishes`), or task types and priorities (`llmrec_pipeline.domain.task_profile`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmrec_pipeline.domain.request_context import ContextReading, read_context
from llmrec_pipeline.domain.request_leftovers import matters, read_leftovers
from llmrec_pipeline.domain.request_price import PriceReading, read_price
from llmrec_pipeline.domain.request_providers import (
    NamedGroup,
    OtherSenses,
    ProviderReading,
    provider_names,
    read_providers,
)
from llmrec_pipeline.domain.request_tokens import Phrases, Text, misspellings, substitutions
from llmrec_pipeline.domain.request_wishes import Unchecked, Wishes, read_wishes
from llmrec_pipeline.domain.request_wording import Wording

READ_AT_START, READ_AT_END = 2_000, 800  # characters
# Names that no English word resembles: a wrong letter is forgiven too.
_MISSPELT_NAMES = [
    "anthropic",
    "openai",
    "mistral",
    "deepseek",
    "google",
    "microsoft",
    "nvidia",
    "alibaba",
    "cohere",
]
_OTHER_WORDS = ("unders", "toke", "mode", "goggle")
_OFTEN_MISSPELT = [
    *_MISSPELT_NAMES,
    "million",
    "context",
    "tokens",
    "token",
    "dollars",
    "dollar",
    "maximum",
    "minimum",
    "budget",
    "thousand",
    "cheapest",
    "fastest",
    "quality",
    "only",
    "under",
    "provider",
    "providers",
    "models",
    "model",
    "coding",
    "python",
    "javascript",
    "reasoning",
    "research",
    "writing",
]
_SHORTEST_MISSPELT = 5  # letters; a slip in a shorter word makes another word
_SPELLINGS = {
    slip: word
    for slip, word in {
        **substitutions(_MISSPELT_NAMES),
        **misspellings(word for word in _OFTEN_MISSPELT if len(word) >= _SHORTEST_MISSPELT),
    }.items()
    if len(slip) >= _SHORTEST_MISSPELT and slip not in _OTHER_WORDS
}


class Constraints(NamedTuple):
    """What a request demands; `rest` is the text with the words used marked as taken."""

    price: PriceReading
    context: ContextReading
    providers: ProviderReading
    wishes: Wishes
    rest: Text
    unread: int
    leftovers: tuple[str, ...] = ()

    @property
    def contradictions(self) -> tuple[str, ...]:
        """What cannot hold at once, a line each."""
        found = (
            self.price.contradiction,
            self.context.contradiction,
            self.providers.contradiction,
        )
        return tuple(text for text in found if text)

    @property
    def ignored(self) -> tuple[str, ...]:
        """What was seen and not used, with why."""
        unread = (
            (f"{self.unread} characters in the middle of a long text were not read",)
            if self.unread
            else ()
        )
        return (
            *self.price.ignored,
            *self.context.ignored,
            *self.providers.ignored,
            *self.wishes.ignored,
            *self.leftovers,
            *unread,
        )


class ConstraintReader:
    """Reads the constraints of texts; the words are prepared once."""

    def __init__(self, wording: Wording, provider_aliases: Mapping[str, str]) -> None:
        self._wording = wording
        products = {
            word: creator for creator, words in wording.provider_names.items() for word in words
        }
        self._names = provider_names(
            {**products, **provider_aliases},
            [
                (word, NamedGroup(name, group.creators, adjective))
                for name, group in wording.provider_groups.items()
                for words, adjective in ((group.places, False), (group.adjectives, True))
                for word in words
            ],
        )
        self._other = OtherSenses(
            frozenset(wording.everyday_names), Phrases((word, word) for word in wording.other_goods)
        )
        self._wishes: Phrases[str | Unchecked] = Phrases(
            [
                *_by_phrase(wording.capabilities),
                *((phrase, Unchecked(reason)) for phrase, reason in _by_phrase(wording.unchecked)),
            ]
        )

    def read(self, text: str) -> Constraints:
        """What the text demands. Raises nothing: contradictions are part of the reading."""
        shown, unread = bounded(text)
        words = Text.of(shown, _SPELLINGS)
        written_about = matters(words)
        for span in written_about:
            words.take(span.start, span.stop)
        wording = self._wording
        price = read_price(words, largest_bare_price=wording.largest_bare_price)
        context = read_context(
            words,
            tokens_per_page=wording.tokens_per_page,
            tokens_per_word=wording.tokens_per_word,
        )
        providers = read_providers(words, self._names, self._other)
        wishes = read_wishes(words, self._wishes)
        for span in written_about:
            words.release(span.start, span.stop)
        read = Constraints(price, context, providers, wishes, words, unread)
        leftovers = read_leftovers(words, self._names, self._other, read.ignored)
        return read._replace(leftovers=leftovers)


def bounded(text: str) -> tuple[str, int]:
    """What is read of a text: all of it, or the beginning and the end of a very long one, and how
    many characters are not."""
    unread = len(text) - READ_AT_START - READ_AT_END
    if unread <= 0:
        return text, 0
    return f"{text[:READ_AT_START]}\n{text[-READ_AT_END:]}", unread


def _by_phrase(meanings: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(phrase, meaning) for meaning, listed in meanings.items() for phrase in listed]
