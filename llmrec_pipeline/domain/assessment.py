"""One candidate beside the current model: what each part of the composite scores, and why.

    composite = 0.35 price + 0.40 benchmark + 0.20 runtime + 0.05 sentiment

with the weights, ladders and limits of config/advice.yaml, of parts from 0 to 1. Every figure is an
exact fraction, so an edge is met or not, whatever database the values come from; only the win rate
behind an Elo is rounded, at twelve digits.

In: what is known of two models (`advice_evidence`) and the thresholds. Out: an assessment that holds
only what counted. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import log, sqrt, tanh
from typing import NamedTuple

from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.advice_evidence import (
    Price,
    Quality,
    Runtime,
    Score,
    Sentiment,
    Subject,
)
from llmrec_pipeline.domain.confidence import wilson_interval
from llmrec_pipeline.domain.spend import Spend, monthly_spend, roles_of

SAME_FAMILY, SAME_PROVIDER, OTHER_PROVIDER = KINSHIPS = (
    "same_family",
    "same_provider",
    "other_provider",
)
_UNCHANGED = Fraction(0)
_SAME_PRICE = Fraction(1)
_ELO_SCALE = 400.0


class Components(NamedTuple):
    """The parts of a composite, each from 0 to 1."""

    price: Fraction
    benchmark: Fraction
    runtime: Fraction
    sentiment: Fraction


class Shared(NamedTuple):
    """One benchmark that both models have, and the change from the current to the candidate."""

    current: Score
    candidate: Score
    change: Fraction


class Calls(NamedTuple):
    """Our own calls to a model, over the roles that count: success rate, its interval, and USD a
    successful call (None where the cost is unknown or nothing succeeded)."""

    rows: tuple[Runtime, ...]
    success: Fraction
    low: float
    high: float
    cost_per_success: Fraction | None


class Interval(NamedTuple):
    """The change of quality by the consensus, in standard deviations."""

    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """A candidate beside the current model. `current` and `candidate` hold only what counted.

    `cost_change` and `quality_change` are fractions (0.125 is 12.5 % more), None where they cannot
    be told. `to_keep` is the composite of the current model beside itself. `spend` decides nothing."""

    current: Subject
    candidate: Subject
    kinship: str
    components: Components
    composite: Fraction
    to_keep: Fraction
    confidence: Decimal
    cost_change: Fraction | None
    quality_change: Fraction | None
    shared: tuple[Shared, ...]
    has_telemetry: bool
    interval: Interval | None
    spend: Spend | None

    @property
    def has_evidence(self) -> bool:
        """Whether anything tells how good the candidate is: a shared benchmark, or our own calls."""
        return bool(self.shared) or self.has_telemetry

    @property
    def is_better(self) -> bool:
        """Whether to move to it."""
        is_cheaper = self.cost_change is not None and self.cost_change < 0
        ahead = self.composite > self.to_keep or (self.composite == self.to_keep and is_cheaper)
        return self.has_evidence and ahead


def assess(use_case: str, current: Subject, other: Subject, config: AdviceConfig) -> Assessment:
    """One candidate beside the current model; both have a price in one currency. Raises ValueError
    where one has none."""
    if current.price is None or other.price is None:
        raise ValueError("both models need a price")
    shared = _shared(current.scores, other.scores, config)
    calls = shared_calls(use_case, current.runtime, other.runtime, config)
    ratio = _ratio(_blended(other.price, config), _blended(current.price, config))
    change = _mean([one.change for one in shared])
    components = Components(
        price=_price_score(ratio, config),
        benchmark=_benchmark_score(change, config),
        runtime=_runtime_score(calls, config),
        sentiment=_sentiment_score(other.sentiment, config),
    )
    staying = Components(
        price=_price_score(_SAME_PRICE, config),
        benchmark=_benchmark_score(_UNCHANGED, config),
        runtime=_runtime_score(calls and (calls[0], calls[0]), config),
        sentiment=_sentiment_score(current.sentiment, config),
    )
    sureness = config.confidence
    return Assessment(
        current=_reduced(current, [one.current for one in shared], calls and calls[0]),
        candidate=_reduced(other, [one.candidate for one in shared], calls and calls[1]),
        kinship=_kinship(current, other),
        components=components,
        composite=_composite(components, config),
        to_keep=_composite(staying, config),
        confidence=sureness.with_telemetry if calls else sureness.without,
        cost_change=None if ratio is None else ratio - 1,
        quality_change=change,
        shared=shared,
        has_telemetry=calls is not None,
        interval=_interval(current.quality, other.quality),
        spend=monthly_spend(use_case, current.volumes, current.price, other.price),
    )


def _kinship(current: Subject, other: Subject) -> str:
    if other.provider != current.provider:
        return OTHER_PROVIDER
    return SAME_FAMILY if other.family == current.family else SAME_PROVIDER


def _composite(components: Components, config: AdviceConfig) -> Fraction:
    weights = config.weights
    return (
        Fraction(weights.price) * components.price
        + Fraction(weights.benchmark) * components.benchmark
        + Fraction(weights.runtime) * components.runtime
        + Fraction(weights.sentiment) * components.sentiment
    )


# price ------------------------------------------------------------------------------------------


def _blended(price: Price, config: AdviceConfig) -> Fraction:
    """Price of 1,000 tokens in the stated mix of input and output."""
    inputs = Fraction(config.input_per_output)
    total = inputs * Fraction(price.input_per_1k) + Fraction(price.output_per_1k)
    return total / (inputs + 1)


def _ratio(amount: Fraction, beside: Fraction) -> Fraction | None:
    """None where something is set beside nothing; two that cost nothing cost the same."""
    if beside == 0:
        return _SAME_PRICE if amount == 0 else None
    return amount / beside


def _price_score(ratio: Fraction | None, config: AdviceConfig) -> Fraction:
    for rung in config.price_ladder if ratio is not None else ():
        if ratio is not None and ratio <= Fraction(rung.up_to):
            return Fraction(rung.score)
    return Fraction(0)


# benchmarks -------------------------------------------------------------------------------------


def _shared(
    current: Sequence[Score], other: Sequence[Score], config: AdviceConfig
) -> tuple[Shared, ...]:
    """The benchmarks that both have and whose change can be told, each in the version that was
    retrieved last: an old version says the same again, of older days."""
    mine, theirs = _by_measure(current), _by_measure(other)
    newest: dict[tuple[str, str, str], Shared] = {}
    for measure in sorted(mine.keys() & theirs.keys(), key=lambda m: (m[:3], m[3] or "")):
        change = _change(mine[measure], theirs[measure], config)
        if change is None:
            continue
        known = newest.get(measure[:3])
        if known is None or mine[measure].retrieved_at >= known.current.retrieved_at:
            newest[measure[:3]] = Shared(mine[measure], theirs[measure], change)
    return tuple(newest.values())


def _by_measure(scores: Sequence[Score]) -> dict[tuple[str, str, str, str | None], Score]:
    """Source, benchmark, unit and version → the score that was retrieved last."""
    ordered = sorted(scores, key=lambda score: (score.retrieved_at, score.row))
    return {(s.source, s.benchmark, s.unit, s.version): s for s in ordered}


def _change(current: Score, other: Score, config: AdviceConfig) -> Fraction | None:
    if current.unit in config.elo_units:
        gap = float(other.value - current.value)
        # 2p - 1 of the expected win rate p = 1 / (1 + 10^(-gap/400)), written so that it saturates.
        return Fraction(f"{tanh(gap * log(10.0) / (2.0 * _ELO_SCALE)):.12f}")
    if current.unit in config.ratio_units and current.value > 0:
        return Fraction(other.value) / Fraction(current.value) - 1
    return None


def _mean(changes: Sequence[Fraction]) -> Fraction | None:
    return sum(changes, Fraction(0)) / len(changes) if changes else None


def _benchmark_score(change: Fraction | None, config: AdviceConfig) -> Fraction:
    if change is None:
        return Fraction(config.neutral)
    for rung in config.benchmark_ladder:
        holds = (
            change >= Fraction(rung.at_least)
            if rung.at_least is not None
            else change > Fraction(rung.above or 0)
        )
        if holds:
            return Fraction(rung.score)
    return Fraction(0)


# our own calls ----------------------------------------------------------------------------------


def shared_calls(
    use_case: str, current: Sequence[Runtime], other: Sequence[Runtime], config: AdviceConfig
) -> tuple[Calls, Calls] | None:
    """The calls of both models, in the use case's own role where both have it, else in all roles;
    None where either has none."""
    for roles in roles_of(use_case):
        pair = [
            tuple(row for row in rows if row.calls > 0 and (roles is None or row.role in roles))
            for rows in (current, other)
        ]
        if all(pair):
            return _pooled(pair[0], config), _pooled(pair[1], config)
    return None


def _pooled(rows: tuple[Runtime, ...], config: AdviceConfig) -> Calls:
    calls = sum(row.calls for row in rows)
    successes = sum((row.calls * Fraction(row.success_rate) for row in rows), Fraction(0))
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    is_costed = len(costs) == len(rows) and successes > 0
    cost = sum(map(Fraction, costs), Fraction(0)) / successes if is_costed else None
    low, high = _success_interval(rows, float(successes / calls), calls, config)
    return Calls(rows, successes / calls, low, high, cost)


def _success_interval(
    rows: Sequence[Runtime], rate: float, calls: int, config: AdviceConfig
) -> tuple[float, float]:
    """The stored interval of one row; else Wilson's score interval."""
    if len(rows) == 1 and rows[0].success_low is not None and rows[0].success_high is not None:
        return float(rows[0].success_low), float(rows[0].success_high)
    return wilson_interval(rate, calls, config.success_confidence)


def _runtime_score(calls: tuple[Calls, Calls] | None, config: AdviceConfig) -> Fraction:
    neutral = Fraction(config.neutral)
    if calls is None:
        return neutral
    current, other = calls
    weights = config.runtime
    moved = neutral + (other.success - current.success) / Fraction(weights.success_span)
    cost = neutral
    if current.cost_per_success is not None and other.cost_per_success is not None:
        cost = _price_score(_ratio(other.cost_per_success, current.cost_per_success), config)
    success = min(max(moved, Fraction(0)), Fraction(1))
    return Fraction(weights.success_weight) * success + Fraction(weights.cost_weight) * cost


# sentiment and consensus ------------------------------------------------------------------------


def _sentiment_score(sentiment: Sentiment, config: AdviceConfig) -> Fraction:
    if sentiment.n == 0:
        return Fraction(config.neutral)
    undecided = Fraction(sentiment.neutral + sentiment.mixed, 2)
    return (sentiment.positive + undecided) / sentiment.n


def _interval(current: Quality | None, other: Quality | None) -> Interval | None:
    """The difference of two standings; their errors are taken for independent."""
    if current is None or other is None:
        return None
    change = other.score - current.score
    half = sqrt(((current.high - current.low) / 2) ** 2 + ((other.high - other.low) / 2) ** 2)
    return Interval(change, change - half, change + half)


def _reduced(subject: Subject, scores: Sequence[Score], calls: Calls | None) -> Subject:
    """The model with what counted, and nothing else."""
    return subject.model_copy(
        update={"scores": tuple(scores), "runtime": calls.rows if calls else (), "volumes": ()}
    )
