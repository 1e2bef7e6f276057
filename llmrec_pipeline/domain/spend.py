"""What a model costs a month at a volume of calls and tokens: our own of late, or that of a file.

    monthly cost = (uncached input * input price + cached input * cached price + output * output price)
                   * 30.4375 days / days of the volume

30.4375 is the mean month (365.25 / 12 days). Prices are those in force now. Tokens that a log tells
only in total are split as those of the other calls are. Cached input pays the input price where no
price for it is known, and prices of longer requests are left out: a volume does not tell how long
each request was. So a month of spend differs from the estimated cost of `model_runtime_stats`, which
is by the prices in force at each call, where a price changed within the window, where requests are
longer than a tier's limit, and where a log tells only totals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from llmrec_pipeline.domain.advice_evidence import Price, RoleVolume
from llmrec_pipeline.domain.decimals import rounded
from llmrec_pipeline.domain.timestamps import iso

DAYS_A_MONTH = Fraction("30.4375")
_PER_1K = 1000


class TokenCounts(NamedTuple):
    """Tokens of so many calls; cached input is part of the input."""

    calls: int
    input_tokens: Fraction
    cached_input_tokens: Fraction
    output_tokens: Fraction


@dataclass(frozen=True, slots=True)
class Volume:
    """Our own calls to a model, in these roles, from one UTC midnight on and before another."""

    start: datetime
    end: datetime
    roles: tuple[str, ...]
    mix: TokenCounts

    @property
    def days(self) -> Fraction:
        """How many days."""
        return Fraction((self.end - self.start).days)


@dataclass(frozen=True, slots=True)
class Spend:
    """USD a month at the current model's volume: as it is, and with a candidate in its place."""

    volume: Volume
    current: Fraction
    candidate: Fraction

    @property
    def delta(self) -> Fraction:
        """USD a month that the candidate costs more; negative where it costs less."""
        return self.candidate - self.current


def cost_of(mix: TokenCounts, price: Price) -> Fraction:
    """What the tokens cost, in the price's currency."""
    prices = (price.input_per_1k, price.cached_per_1k, price.output_per_1k)
    cached = min(mix.cached_input_tokens, mix.input_tokens)
    tokens = (mix.input_tokens - cached, cached, mix.output_tokens)
    return (
        sum((n * Fraction(p) for n, p in zip(tokens, prices, strict=True)), Fraction(0)) / _PER_1K
    )


def monthly(cost: Fraction, days: Fraction) -> Fraction:
    """A cost of so many days, for a mean month."""
    return cost * DAYS_A_MONTH / days


def roles_of(use_case: str) -> tuple[tuple[str, ...] | None, ...]:
    """Which roles count for a use case: its own name, else its first word, else all (None)."""
    return (use_case,), (use_case.partition("_")[0],), None


def volume_of(use_case: str, told: Sequence[RoleVolume]) -> Volume | None:
    """The calls to a model that count for a use case; None where no log tells their tokens."""
    for roles in roles_of(use_case):
        rows = [row for row in told if row.calls and (roles is None or row.role in roles)]
        mix = _mix(rows)
        if mix is not None:
            names = tuple(sorted({row.role for row in rows}))
            return Volume(rows[0].window_start, rows[0].window_end, names, mix)
    return None


def _mix(rows: Sequence[RoleVolume]) -> TokenCounts | None:
    inputs = sum(row.prompt_tokens or 0 for row in rows)
    outputs = sum(row.completion_tokens or 0 for row in rows)
    if not inputs + outputs:
        return None
    cached = sum(row.cached_prompt_tokens or 0 for row in rows)
    total = sum(
        max(row.total_tokens, (row.prompt_tokens or 0) + (row.completion_tokens or 0))
        for row in rows
    )
    scale = Fraction(total, inputs + outputs)
    return TokenCounts(
        sum(row.calls for row in rows), inputs * scale, cached * scale, outputs * scale
    )


def monthly_spend(
    use_case: str, volumes: Sequence[RoleVolume], current: Price, candidate: Price
) -> Spend | None:
    """What the use case costs and would cost a month; None without telemetry of the current model."""
    volume = volume_of(use_case, volumes)
    if volume is None:
        return None
    costs = (monthly(cost_of(volume.mix, price), volume.days) for price in (current, candidate))
    return Spend(volume, *costs)


def spend_fields(spend: Spend | None) -> dict[str, Any]:
    """As it is printed and stored: USD to the cent, and the window it rests on; `NO_SPEND` without
    telemetry."""
    if spend is None:
        return NO_SPEND
    volume = spend.volume
    return {
        "monthly_cost_usd_current": in_cents(spend.current),
        "monthly_cost_usd_candidate": in_cents(spend.candidate),
        "monthly_delta_usd": in_cents(spend.delta),
        "spend_window": {
            "start": iso(volume.start),
            "end": iso(volume.end),
            "days": int(volume.days),
            "calls": volume.mix.calls,
            "roles": list(volume.roles),
        },
    }


NO_SPEND: dict[str, Any] = dict.fromkeys(
    ("monthly_cost_usd_current", "monthly_cost_usd_candidate", "monthly_delta_usd", "spend_window")
)


def spend_of(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields as they are stored with a recommendation; `NO_SPEND` where it holds none."""
    return evidence.get("spend") or NO_SPEND


def in_cents(amount: Fraction) -> float:
    """An amount in USD, to the cent, half to even."""
    return float(rounded(amount, 2))


def in_words(spend: Spend | None) -> str:
    """One sentence of it; empty without telemetry."""
    if spend is None:
        return ""
    volume, delta = spend.volume, spend.delta
    change = (
        "the same"
        if delta == 0
        else f"{abs(in_cents(delta)):,.2f} USD {'less' if delta < 0 else 'more'}"
    )
    return (
        f"At our own volume ({volume.mix.calls:,} calls as {', '.join(volume.roles)} in the "
        f"{volume.days} days before {volume.end.date().isoformat()}) "
        f"{in_cents(spend.candidate):,.2f} USD a month, now {in_cents(spend.current):,.2f}: {change}."
    )
