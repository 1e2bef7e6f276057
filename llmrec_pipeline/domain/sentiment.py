"""How a text about a model sounds, and what of it is kept. Pure.

What belongs here: the word-list analyser, tags, snippets and addresses. What does not: which model
a text speaks of (`sentiment_reading`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from llmrec_pipeline.domain.model_text import fold
from llmrec_pipeline.domain.sentiment_config import LexiconConfig

POSITIVE, NEUTRAL, NEGATIVE, MIXED = SENTIMENTS = ("positive", "neutral", "negative", "mixed")
OPEN, ACCEPTED, REJECTED = REVIEW_STATUSES = ("open", "accepted", "rejected")

# The tag that tells who labelled a row, and what it says of a person.
LABEL_BY, PERSON = "label_by", "person"

_WORD_OR_BREAK = re.compile(r"[a-z]+(?:'[a-z]+)*|[.,;:!?()\n]")
_SPOKEN = re.compile(r"[a-z']+")
_CUT = "…"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SentimentSignal:
    """A row of model_sentiment_signals: what somebody wrote of one model."""

    model_id: str
    source: str
    source_url: str
    title: str | None
    snippet: str
    sentiment: str
    retrieved_at: datetime
    tags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentimentReview:
    """A row of model_sentiment_review: a text of which a person says which model it speaks of."""

    source: str
    source_url: str
    title: str | None
    snippet: str
    sentiment: str
    retrieved_at: datetime
    candidates: tuple[str, ...]
    reason: str
    tags: Mapping[str, Any] = field(default_factory=dict)


class Lexicon:
    """The word-list analyser. A word counts for its side, and for the other one where a negation
    stands within `negation_reach` words before it in the same clause."""

    def __init__(self, config: LexiconConfig) -> None:
        self._config = config
        self._sides = {tuple(phrase.split()): 1 for phrase in config.positive}
        self._sides |= {tuple(phrase.split()): -1 for phrase in config.negative}
        self._longest = max(map(len, self._sides))
        self.name = f"lexicon_{config.version}"

    def label(self, text: str) -> str:
        """One of `SENTIMENTS`; neutral where no word takes a side."""
        sides = list(self._sides_taken(text))
        positive, negative = sides.count(1), sides.count(-1)
        if not sides:
            return NEUTRAL
        rarer, other = sorted((positive, negative))
        if rarer and rarer / other >= self._config.mixed_from:
            return MIXED
        return POSITIVE if positive > negative else NEGATIVE

    def _sides_taken(self, text: str) -> Iterator[int]:
        for clause in self._clauses(text):
            place = 0
            while place < len(clause):
                length = self._phrase_at(clause, place)
                if length:
                    side = self._sides[tuple(clause[place : place + length])]
                    yield -side if self._is_negated(clause, place) else side
                place += length or 1

    def _clauses(self, text: str) -> Iterator[list[str]]:
        clause: list[str] = []
        for word in _WORD_OR_BREAK.findall(fold(text)):
            if word[0].isalpha() and word not in self._config.clause_words:
                clause.append(word)
            else:
                yield clause
                clause = []
        yield clause

    def _phrase_at(self, clause: list[str], place: int) -> int:
        """How many words the longest listed phrase there has; 0 where there is none."""
        lengths = range(self._longest, 0, -1)
        return next((n for n in lengths if tuple(clause[place : place + n]) in self._sides), 0)

    def _is_negated(self, clause: list[str], place: int) -> bool:
        before = clause[max(0, place - self._config.negation_reach) : place]
        return sum(word in self._config.negations for word in before) % 2 == 1


def tags_of(text: str, words: Mapping[str, Mapping[str, Iterable[str]]]) -> dict[str, str]:
    """Of each kind the value that most words of the text speak for; of equals the first."""
    spoken = f" {' '.join(_SPOKEN.findall(fold(text)))} "
    found = {}
    for kind, values in words.items():
        counts = {
            value: sum(spoken.count(f" {phrase} ") for phrase in phrases)
            for value, phrases in values.items()
        }
        best = max(counts, key=lambda value: counts[value])
        if counts[best]:
            found[kind] = best
    return found


def snippet_of(text: str, limit: int, around: int = 0) -> str:
    """At most `limit` characters of a text in one line, cut at words, with the place `around`
    within; … stands where something is left out."""
    line = " ".join(text.split())
    around = len(" ".join(text[:around].split()))
    if len(line) <= limit:
        return line
    start = 0
    if around > limit // 2:
        start = min(around - limit // 4, len(line) - limit + 2)
        start = line.rfind(" ", 0, start) + 1
    head = _CUT if start else ""
    if len(line) - start <= limit - len(head):
        return head + line[start:]
    room = limit - len(head) - len(_CUT)
    end = line.rfind(" ", start, start + room + 1)
    end = end if end > start else start + room
    return head + line[start:end].rstrip() + _CUT


def plain_url(url: str, tracking_parameters: Iterable[str] = ()) -> str:
    """One writing of an address, as far as it is sure to show the same: scheme and host in lower
    case, no default port, no tracking parameters. Raises ValueError for what is no web address."""
    parts = urlsplit(url.strip())
    written = re.search(r"\s", url.strip()) is None and url.strip().isprintable()
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or not written:
        raise ValueError(f"{url!r} is no web address; write https://…")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in set(tracking_parameters)]
    query = parts.query if kept == pairs else urlencode(kept)
    return urlunsplit((parts.scheme, host + port, parts.path or "/", query, parts.fragment))
