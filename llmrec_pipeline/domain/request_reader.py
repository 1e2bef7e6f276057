"""A request in words, read whole: constraints first, then priority and task type from the rest.

Belongs here: the order of the readings and how they make one answer. Does not belong here: the
grammar of constraints (`request_text`), the task model (`task_model`), weights (`task_profile`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from llmrec_pipeline.domain.embedding import Embedder
from llmrec_pipeline.domain.request_price import PriceReading
from llmrec_pipeline.domain.request_text import ConstraintReader, Constraints
from llmrec_pipeline.domain.request_tokens import Phrases, Text
from llmrec_pipeline.domain.task_features import left
from llmrec_pipeline.domain.task_model import (
    FULL,
    WORDS_ONLY,
    TaskModel,
    TaskReading,
    mix,
)
from llmrec_pipeline.domain.task_profile import (
    LISTS_ONLY,
    NO_PRIORITY,
    RequestError,
    RequestReading,
    Tasks,
    Words,
)

_STRONG_WORD = 3  # one telling word outweighs two words that several task types share
_WORD = 1


class Listed(NamedTuple):
    """Which configured words a text has: by meaning their weight, and the words themselves."""

    weights: dict[str, int]
    quotes: dict[str, dict[str, None]]

    @property
    def heaviest(self) -> str | None:
        """The meaning whose words weigh most, the first named of equals; None without words."""
        # Insertion order is the order in the text, and max keeps the first of equals.
        return max(self.weights, key=lambda name: self.weights[name]) if self.weights else None


class ListedWords:
    """Words that speak for meanings; each word of a text counts once."""

    def __init__(self, meanings: Iterable[tuple[str, Words]]) -> None:
        self._phrases = Phrases(
            (phrase, (name, weight))
            for name, words in meanings
            for weight, group in ((_STRONG_WORD, words.strong_words), (_WORD, words.words))
            for phrase in group
        )

    def of(self, text: Text) -> Listed:
        """Those of a text; the words of the priority none only keep others from counting."""
        weights: dict[str, int] = {}
        quotes: dict[str, dict[str, None]] = {}
        for match in self._phrases.find(text):
            name, weight = match.meaning
            if name == NO_PRIORITY:
                continue
            quote = text.quote(match.start, match.end)
            seen = quotes.setdefault(name, {})
            if quote not in seen:
                weights[name] = weights.get(name, 0) + weight
                seen[quote] = None
        return Listed(weights, quotes)


class RequestReader:
    """Reads requests in words under one configuration; the words are prepared once.

    `provider_aliases` maps every name of a provider to its creator id. Without a `model` the task
    type is the one whose listed words weigh most; an `embedder` is used with a model only.
    """

    def __init__(
        self,
        tasks: Tasks,
        provider_aliases: Mapping[str, str],
        *,
        model: TaskModel | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self._tasks = tasks
        self._model = model
        self._embedder = embedder
        self._constraints = ConstraintReader(tasks.wording, provider_aliases)
        self._free = Phrases((phrase, 0) for phrase in tasks.free_words)
        self._priorities = ListedWords((n, p.words) for n, p in tasks.priorities.items())
        self._types = ListedWords((n, t.words) for n, t in tasks.task_types.items())

    def read(self, text: str) -> RequestReading:
        """Read a request. Raises RequestError for a contradiction, which names both sides."""
        asked = self._constraints.read(text)
        price = self._price(asked)
        if asked.contradictions:
            raise RequestError("; ".join(asked.contradictions))
        priorities = self._priorities.of(asked.rest)
        priority = priorities.heaviest or NO_PRIORITY
        listed = self._types.of(asked.rest)
        task = self._task(asked.rest, listed)
        task_type = max(task.probabilities, key=lambda name: task.probabilities[name])
        wording = self._tasks.wording
        return RequestReading(
            task_type=task_type,
            priority=priority,
            max_price_per_1m=None if price.cap is None else float(price.cap),
            min_context=asked.context.tokens,
            provider_allowlist=asked.providers.allowed,
            provider_denylist=asked.providers.denied,
            capabilities=asked.wishes.capabilities,
            topk=asked.wishes.topk,
            matched={
                "task_type": tuple(listed.quotes.get(task_type, ())),
                "priority": tuple(priorities.quotes.get(priority, ())),
                "max_price_per_1m": price.quotes,
                "min_context": asked.context.quotes,
                "provider_allowlist": asked.providers.allowed_quotes,
                "provider_denylist": asked.providers.denied_quotes,
                "capabilities": asked.wishes.capability_quotes,
                "topk": asked.wishes.topk_quotes,
            },
            notes=(*asked.ignored, *price.notes, *asked.context.notes),
            ignored=asked.ignored,
            probabilities=task.probabilities,
            task_mix=mix(task.probabilities, wording.dominance, wording.least_share),
            why=task.why,
            understanding=task.understanding,
        )

    def rest(self, text: str) -> tuple[Text, dict[str, float]]:
        """What a task model is fitted on: the text without its constraints, and the shares of the
        listed words by task type."""
        rest = self._constraints.read(text).rest
        return rest, _shares(self._types.of(rest))

    def _price(self, asked: Constraints) -> PriceReading:
        """The price as read, or 0 where a free model is asked for."""
        price = asked.price
        if price.cap is not None and price.cap < 0:
            raise RequestError(f"the price in {price.quotes[0]!r} is negative")
        if price.cap is not None:
            return price
        free = tuple(
            asked.rest.quote(match.start, match.end) for match in self._free.find(asked.rest)
        )
        return price._replace(cap=Fraction(0), quotes=free) if free else price

    def _task(self, rest: Text, listed: Listed) -> TaskReading:
        words = [token for token in left(rest) if token[0].isalpha()]
        if not words:
            return self._by_default()
        if all(len(word) == 1 and word.isascii() for word in words):
            return self._unsure()
        if self._model is not None:
            return self._model.read(rest, _shares(listed), self._embedder)
        best = listed.heaviest
        if best is None:
            return self._by_default()
        shares = _shares(listed)
        # The first named of equals is the one that was said first.
        probabilities = {best: shares[best], **shares}
        return TaskReading(probabilities, tuple(listed.quotes[best]), LISTS_ONLY)

    def _by_default(self) -> TaskReading:
        """Of a text that says nothing of its task."""
        default = self._tasks.default_task_type
        shares = {name: float(name == default) for name in self._tasks.task_types}
        return TaskReading(shares, (), self._understanding)

    def _unsure(self) -> TaskReading:
        """Of a text of single letters, which may mean any task; of equals the first is taken."""
        names = dict.fromkeys((self._tasks.default_task_type, *self._tasks.task_types))
        return TaskReading(dict.fromkeys(names, 1 / len(names)), (), self._understanding)

    @property
    def _understanding(self) -> str:
        if self._model is None:
            return LISTS_ONLY
        return WORDS_ONLY if self._embedder is None else FULL


def _shares(listed: Listed) -> dict[str, float]:
    total = sum(listed.weights.values())
    return {name: weight / total for name, weight in listed.weights.items()}
