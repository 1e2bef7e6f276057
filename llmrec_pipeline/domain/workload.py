"""What a workload costs, model by model: token counts in, USD out.

A row is one request, or `calls` of them with the tokens of all together. A request longer than a
tier's limit pays the tier's prices for all of its tokens, so rows are kept apart by length and by
nothing else: memory stays the same however long the workload is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from llmrec_pipeline.domain.usage_prices import Terms

_PER_1M = 10**6
# No file of requests comes to more.
_MOST = 10**15
_SHOWN = 40
INPUT, OUTPUT, CACHED, CALLS, MODEL = COLUMNS = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "calls",
    "model",
)


@dataclass(frozen=True, slots=True)
class Request:
    """A row; cached input is part of the input. Raises ValueError of the form `field: problem`."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    calls: int = 1
    model: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Request:
        """From a row of text or numbers, in which what is not required may be missing or empty."""
        request = cls(
            input_tokens=_count(row, INPUT),
            output_tokens=_count(row, OUTPUT),
            cached_input_tokens=_count(row, CACHED, 0),
            calls=_count(row, CALLS, 1),
            model=str(row[MODEL]).strip() or None if row.get(MODEL) else None,
        )
        if request.cached_input_tokens > request.input_tokens:
            raise ValueError(
                f"{CACHED}: {request.cached_input_tokens} is more than {INPUT}, "
                f"{request.input_tokens}; cached input is part of the input"
            )
        if request.calls == 0:
            raise ValueError(f"{CALLS}: 0 is not allowed; a row stands for one call or more")
        return request


def _count(row: Mapping[str, Any], name: str, otherwise: int | None = None) -> int:
    value = row.get(name)
    if value is None or value == "":
        if otherwise is None:
            raise ValueError(f"{name}: missing; a whole number of tokens is needed")
        return otherwise
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        number = Decimal("NaN")
    # The bounds come first: a short text can name a number of millions of digits.
    is_count = number.is_finite() and 0 <= number <= _MOST and number == int(number)
    if isinstance(value, bool) or not is_count:
        raise ValueError(
            f"{name}: {_shown(value)} is not allowed; a whole number from 0 to 1e15 is needed"
        )
    return int(number)


def _shown(value: Any) -> str:
    """What was told, as long as a line bears."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


@dataclass(slots=True)
class _Sum:
    """Tokens of requests that are alike in length."""

    uncached: int = 0
    cached: int = 0
    output: int = 0

    def add(self, request: Request) -> None:
        self.uncached += request.input_tokens - request.cached_input_tokens
        self.cached += request.cached_input_tokens
        self.output += request.output_tokens

    def cost(self, terms: Terms) -> Fraction:
        prices = (terms.input_per_1m, terms.cached_per_1m, terms.output_per_1m)
        tokens = (self.uncached, self.cached, self.output)
        total = sum((n * Fraction(p) for n, p in zip(tokens, prices, strict=True)), Fraction(0))
        return total / _PER_1M


@dataclass(slots=True)
class Workload:
    """Requests, counted. `limits` are the lengths at which any model's price changes."""

    limits: Sequence[int]
    calls: int = 0
    rows: int = 0
    _by_model: dict[str | None, dict[int, _Sum]] = field(default_factory=dict)

    @classmethod
    def priced_by(cls, prices: Mapping[str, Sequence[Terms]]) -> Workload:
        """An empty workload that can be priced by these tiers of models."""
        return cls(
            sorted({terms.above_input_tokens for tiers in prices.values() for terms in tiers[1:]})
        )

    def add(self, request: Request) -> None:
        """Count a row in."""
        length = Fraction(request.input_tokens, request.calls)
        sums = self._by_model.setdefault(request.model, defaultdict(_Sum))
        # So many limits lie below the length.
        sums[bisect_left(self.limits, length)].add(request)
        self.rows += 1
        self.calls += request.calls

    @property
    def models(self) -> list[str]:
        """The models that rows name."""
        return sorted(name for name in self._by_model if name is not None)

    def tokens(self) -> dict[str, int]:
        """All tokens, by column."""
        sums = [one for by_length in self._by_model.values() for one in by_length.values()]
        cached = sum(one.cached for one in sums)
        return {
            INPUT: sum(one.uncached for one in sums) + cached,
            CACHED: cached,
            OUTPUT: sum(one.output for one in sums),
        }

    def cost(self, tiers: Sequence[Terms], of: Iterable[str | None] | None = None) -> Fraction:
        """USD for all rows at one model's prices, or for the rows that name certain models."""
        named = self._by_model if of is None else [name for name in of if name in self._by_model]
        return sum(
            (
                one.cost(self._terms(tiers, place))
                for name in named
                for place, one in self._by_model[name].items()
            ),
            Fraction(0),
        )

    def _terms(self, tiers: Sequence[Terms], limits_passed: int) -> Terms:
        passed = set(self.limits[:limits_passed])
        return [tiers[0], *(terms for terms in tiers[1:] if terms.above_input_tokens in passed)][-1]
