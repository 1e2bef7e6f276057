"""What a call costs by the price in force when it was made.

In: the names that calls were made under, and dated prices in USD per 1,000,000 tokens. Out: rates of
one token, exactly one for every moment and length.

A price holds from its moment on and before the next one's, half open. Within it, a request longer
than a tier's `above_input_tokens` pays the tier's prices for all of its tokens. Cached input is part
of the input and pays its own price where one is known, the input price otherwise.

Prices become whole numbers of 1e-12 USD a token, so that costs are summed exactly, in any order, by
any engine; a price with more digits than that is rounded to the nearest, half to even.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

PER_USD = 10**12
_PER_1M_TOKENS = 10**6
# No request is as long.
_ENDLESS = 2**62


@dataclass(frozen=True, slots=True)
class Window:
    """Whole days: from one UTC midnight on, and before another."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """How many days."""
        return (self.end - self.start).days


def window_until(now: datetime, days: int) -> Window:
    """The `days` days before the last UTC midnight that is not after `now`."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(end - timedelta(days=days), end)


@dataclass(frozen=True, slots=True)
class Terms:
    """Prices of requests longer than `above_input_tokens`, in USD per 1,000,000 tokens."""

    input_per_1m: Decimal
    output_per_1m: Decimal
    cached_input_per_1m: Decimal | None = None
    above_input_tokens: int = 0

    @property
    def cached_per_1m(self) -> Decimal:
        """What cached input costs: its own price where it has one, else the input price."""
        cached = self.cached_input_per_1m
        return self.input_per_1m if cached is None else cached


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """What holds from a moment on, shortest requests first."""

    since: datetime
    tiers: tuple[Terms, ...]


class ServedName(NamedTuple):
    """A name that calls were made under, and what it means: who served it, and the model's key.
    `is_known` is false where no rule names the model; it then stands under its own name."""

    provider_name: str
    model_name: str
    provider: str
    model: str
    is_known: bool


class Rate(NamedTuple):
    """What one token costs under a name, within a span of time and of input length, both half
    open; in 1e-12 USD, None where no price is in force."""

    provider_name: str
    model_name: str
    since: datetime
    until: datetime
    input_from: int
    input_below: int
    provider: str
    model: str
    input_price: int | None
    output_price: int | None
    cached_price: int | None


def rates(
    names: Iterable[ServedName],
    prices: Mapping[tuple[str, str], Sequence[DatedPrice]],
    window: Window,
) -> list[Rate]:
    """Rates of the names, by (provider, model) prices in any order: of each name exactly one for
    every moment of the window and every length."""
    return [
        rate
        for name in sorted(names)
        for rate in _of_name(name, prices.get((name.provider, name.model), ()), window)
    ]


def _of_name(name: ServedName, prices: Sequence[DatedPrice], window: Window) -> Iterator[Rate]:
    whole = Rate(
        provider_name=name.provider_name,
        model_name=name.model_name,
        since=window.start,
        until=window.end,
        input_from=0,
        input_below=_ENDLESS,
        provider=name.provider,
        model=name.model,
        input_price=None,
        output_price=None,
        cached_price=None,
    )
    changes = {price.since: price for price in prices if price.since < window.end}
    past = [since for since in changes if since <= window.start]
    starts = sorted(since for since in changes if since > window.start)
    moments = [window.start, *starts, window.end]
    in_force = changes[max(past)] if past else None
    for since, until in itertools.pairwise(moments):
        in_force = changes.get(since, in_force)
        spell = whole._replace(since=since, until=until)
        yield from _by_length(spell, in_force.tiers) if in_force else [spell]


def _by_length(rate: Rate, tiers: Sequence[Terms]) -> Iterator[Rate]:
    edges = [0, *(terms.above_input_tokens + 1 for terms in tiers[1:]), _ENDLESS]
    for terms, (start, end) in zip(tiers, itertools.pairwise(edges), strict=True):
        yield rate._replace(
            input_from=start,
            input_below=end,
            input_price=_of_token(terms.input_per_1m),
            output_price=_of_token(terms.output_per_1m),
            cached_price=_of_token(terms.cached_per_1m),
        )


def _of_token(per_1m: Decimal) -> int:
    exact = per_1m * PER_USD / _PER_1M_TOKENS
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def tiers_of(base: Terms, written: Iterable[Mapping[str, float | int | None]]) -> tuple[Terms, ...]:
    """A price with its tiers as the column `price_tiers` writes them. What a tier does not say is
    as for shorter requests."""
    found = [base]
    for tier in sorted(written, key=lambda tier: tier["above_input_tokens"] or 0):
        before, cached = found[-1], tier.get("price_cached_input_per_1m")
        found.append(
            replace(
                before,
                above_input_tokens=int(tier["above_input_tokens"] or 0),
                input_per_1m=_or(tier.get("price_input_per_1m"), before.input_per_1m),
                output_per_1m=_or(tier.get("price_output_per_1m"), before.output_per_1m),
                cached_input_per_1m=(
                    before.cached_input_per_1m if cached is None else Decimal(repr(cached))
                ),
            )
        )
    return tuple(found)


def _or(written: float | int | None, otherwise: Decimal) -> Decimal:
    return otherwise if written is None else Decimal(repr(written))
