"""What looks like a hard constraint and was read as none: it is told, never lost.

    leftover = amount of money, also one whose number is too long | number "tokens"
             | key sign value
             | negation or "only" beside the name of a provider

Belongs here: what is left after all productions of constraints, and which words are what to write
about. Does not belong here: a production that sets a constraint.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmrec_pipeline.domain.request_amounts import read_amount, unreadable_end
from llmrec_pipeline.domain.request_numbers import number, phrases, word_set
from llmrec_pipeline.domain.request_providers import NamedGroup, Names, OtherSenses
from llmrec_pipeline.domain.request_tokens import Text
from llmrec_pipeline.domain.request_vocabulary import (
    CONTEXT_WORDS,
    LONGEST_SHORT_TEXT,
    TOKEN_WORDS,
)

_LOOK_AROUND = 3  # tokens
_REFUSALS = word_set(
    "no not never without except avoid only exclude excluding banned nobody solely kein keine nicht"
    " nur ohne pas sans sauf seulement sin solo sólo sem só não 不 只 仅"
)
_SIGNS = word_set("= ≤ ≥")
_ARTICLES = word_set("a an")
_SHORTEST_KEY = 3  # letters: x = 3 is mathematics
_WORKS = phrases(
    {
        "work": "post|article|essay|story|stories|tale|poem|novel|screenplay|speech|song|headline"
        "|tweet|op-ed|column|joke|sketch|limerick|aufsatz|geschichte|essai|histoire|ensayo|historia"
    }
)
_BEFORE_MATTER = word_set("about on of : - explaining asking describing exploring")
_MATTER = word_set("why how what when where who whose whom whether warum wie pourquoi comment cómo")
_CLAUSE_ENDS = word_set(", . ; ! ?")


def matters(text: Text) -> list[range]:
    """The clauses of a text that are what to write about, and no constraints: "an essay on why …"."""
    found: list[range] = []
    end = 0
    for work in _WORKS.find(text):
        at = work.end
        if work.start < end:
            continue
        while at <= work.end + 1 and text.word(at) in _BEFORE_MATTER:
            at += 1
        if text.word(at) not in _MATTER:
            continue
        end = at
        while end < len(text.tokens) and text.word(end) not in _CLAUSE_ENDS:
            end += 1
        found.append(range(at, end))
    return found


def read_leftovers(
    text: Text, names: Names, other: OtherSenses, told: Sequence[str]
) -> tuple[str, ...]:
    """What of a short text looks like a constraint and was not read, with why; nothing that `told`
    quotes already."""
    if len(text.tokens) > LONGEST_SHORT_TEXT:
        return ()
    quotes: list[str] = []
    index = 0
    while index < len(text.tokens):
        end = index if text.taken[index] else _leftover(text, index, names, other)
        if end > index:
            quotes.append(text.quote(index, end))
        index = max(end, index + 1)
    return tuple(
        f"{quote!r} looks like a constraint and was not read as one"
        for quote in dict.fromkeys(quotes)
        if not any(quote in line for line in told)
    )


def _leftover(text: Text, start: int, names: Names, other: OtherSenses) -> int:
    """Where what looks like a constraint at this token ends; the token itself if nothing does."""
    amount = read_amount(text, start)
    if text.word(start) in _ARTICLES:
        return start
    if amount is not None and amount.stated:
        return amount.end
    counted = number(text, start, counts=True)
    if counted is not None:
        return _counted_end(text, start, counted.end)
    unreadable = unreadable_end(text, start)
    if unreadable > start:
        return unreadable
    if _is_key_value(text, start):
        return start + 3
    name = names.at(text, start)
    if name is None or isinstance(name.meaning, NamedGroup):
        return start
    beside = (*range(start - _LOOK_AROUND, start), *range(name.end, name.end + _LOOK_AROUND))
    if other.apply(text, None, start, name.end) or not any(_refuses(text, i) for i in beside):
        return start
    return name.end


def _is_key_value(text: Text, start: int) -> bool:
    """`temperature=0.2`, its value not read."""
    key, value = text.word(start), text.word(start + 2)
    return (
        text.word(start + 1) in _SIGNS
        and len(key) >= _SHORTEST_KEY
        and key.isalpha()
        and value.replace(".", "").isalnum()
        and text.touching(start)
        and text.touching(start + 1)
        and not text.taken[start + 2]
    )


def _counted_end(text: Text, start: int, end: int) -> int:
    for words in (TOKEN_WORDS, CONTEXT_WORDS):
        unit = words.at(text, end)
        if unit is not None:
            return unit.end
    return start


def _refuses(text: Text, index: int) -> bool:
    return text.word(index) in _REFUSALS and not text.taken[index]
