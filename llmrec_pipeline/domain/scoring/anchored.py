"""The anchored score: each metric on a fixed scale, weighted and summed.

    norm       = (log x - log zero) * slope          (quality: standard deviations, no logarithm)
    speed_norm = 0.7 * norm(output_tokens_per_s) + 0.3 * norm(ttft_s)
    score      = w_q * norm(quality) + w_s * speed_norm + w_c * norm(price)

The zero and the slope come from configuration, so a model's score depends on that model alone:
whoever else is there, nobody changes places. A norm is 0 and 1 at the anchors and goes on beyond
them. Quality is a score in standard deviations of a frozen population, price a token mix floored
before its logarithm.

Logarithms are taken once for each model, by `measured`; `anchored_score` then uses only `+`, `*`
and `<` in a fixed order, which give the same bits for a float and for an element of a numpy column.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Generic, NamedTuple

from llmrec_pipeline.domain.checked_mapping import CheckedMapping
from llmrec_pipeline.domain.scoring.weighted import (
    LATENCY_SHARE,
    MISSING_NORMS,
    THROUGHPUT_SHARE,
    Known,
    Scored,
    Value,
    Weights,
    known,
)

_NO_FLOOR = -sys.float_info.max
_LESS_IS_BETTER = {"price_per_1m": True, "output_tokens_per_s": False, "ttft_s": True}
_LARGEST = 1e9


class Anchor(NamedTuple):
    """A metric's scale: norm(x) = (x - zero) * slope, with x a logarithm or standard deviations.

    `worst` and `middle` are the norms of the frozen population's worst and middle value.
    """

    zero: float
    slope: float
    worst: float
    middle: float

    @classmethod
    def logarithmic(cls, content: CheckedMapping, *, less_is_better: bool) -> Anchor:
        """Of `low`, `high`, `worst` and `middle` in the metric's own unit. ValueError where they
        are not in order."""
        low, high, worst, middle = (
            content.number(key, sys.float_info.min, _LARGEST)
            for key in ("low", "high", "worst", "middle")
        )
        content.text("reason")
        if not low < high:
            raise ValueError(f"{content.path}.high: {high:g}; allowed: more than low, {low:g}")
        zero, one = (log(high), log(low)) if less_is_better else (log(low), log(high))
        slope = 1.0 / (one - zero)
        norms = [(log(value) + -zero) * slope for value in (worst, middle)]
        if not norms[0] <= min(0.0, norms[1]):
            raise ValueError(
                f"{content.path}.worst: {worst:g}; allowed: no better than the middle and both ends"
            )
        return cls(zero, slope, *norms)

    @classmethod
    def linear(cls, content: CheckedMapping) -> Anchor:
        """Of `low` and `high`, in standard deviations; its worst and middle are its ends' 0 and
        their middle. ValueError where they are not in order."""
        low, high = (content.number(key, -10, 10) for key in ("low", "high"))
        if not low < high:
            raise ValueError(f"{content.path}.high: {high:g}; allowed: more than low, {low:g}")
        return cls(low, 1.0 / (high - low), 0.0, 0.5)

    def missing(self, policy: str) -> float:
        """The norm of a missing value under a missing policy."""
        return self.worst if MISSING_NORMS[policy] == 0.0 else self.middle

    def floor(self, policy: str) -> float:
        """The norm below which no known value counts: where a missing one is the worst, nothing
        is worse."""
        return self.worst if MISSING_NORMS[policy] == 0.0 else _NO_FLOOR


class TokenMix(NamedTuple):
    """Shares of a mixed token; they sum to 1."""

    input: float
    cached_input: float
    output: float

    def price(self, offering: Mapping[str, Any]) -> float | None:
        """USD per 1M tokens of an offering; None where its input or output price is unknown.
        Cached input without a price of its own costs what input does."""
        fresh, out = offering.get("price_input_per_1m"), offering.get("price_output_per_1m")
        if fresh is None or out is None:
            return None
        cached = offering.get("price_cached_input_per_1m")
        cached = fresh if cached is None else cached
        return float(self.input * fresh + self.cached_input * cached + self.output * out)


@dataclass(frozen=True, slots=True)
class Anchors:
    """config/anchors.yaml: the scale of each metric, versioned."""

    version: str
    population: Mapping[str, str]
    token_mix: TokenMix
    price_floor: float
    quality: Anchor
    output_tokens_per_s: Anchor
    ttft_s: Anchor
    price_per_1m: Anchor

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Anchors:
        """Build from the content of config/anchors.yaml. Raises ValueError with the key, its value
        and what is allowed."""
        reader = CheckedMapping(content)
        reader.only(
            {"version", "population", "token_mix", "price_floor_per_1m", "anchors", "quality"}
        )
        population = reader.child("population", {"name", "snapshot_ts"})
        shares = reader.child("token_mix", set(TokenMix._fields))
        mix = TokenMix(*(shares.number(name, 0, 1) for name in TokenMix._fields))
        if abs(sum(mix) - 1.0) > 1e-9:
            raise ValueError(f"token_mix: {mix._asdict()}; allowed: shares that sum to 1")
        anchors = reader.child("anchors", set(_LESS_IS_BETTER))
        fields = {"low", "high", "worst", "middle", "reason"}
        return cls(
            version=reader.text("version"),
            population={key: population.text(key) for key in ("name", "snapshot_ts")},
            token_mix=mix,
            price_floor=reader.number("price_floor_per_1m", 1e-6, 1_000),
            quality=Anchor.linear(reader.child("quality", {"low", "high"})),
            **{
                name: Anchor.logarithmic(anchors.child(name, fields), less_is_better=less)
                for name, less in _LESS_IS_BETTER.items()
            },
        )


class Measured(NamedTuple, Generic[Value]):
    """What is scored: quality in standard deviations; logarithms of tokens/s, s and USD per 1M."""

    quality: Value
    output_tokens_per_s: Known[Value]
    ttft_s: Known[Value]
    price_per_1m: Known[Value]


def measured(quality: float, offering: Mapping[str, Any], anchors: Anchors) -> Measured[float]:
    """A model at one of its offerings. A speed or latency of 0 is no measurement and is missing."""
    price = anchors.token_mix.price(offering)
    floored = None if price is None else max(price, anchors.price_floor)
    speeds = (offering.get(name) for name in ("output_tokens_per_s", "ttft_s"))
    throughput, latency, cost = (
        known(log(value) if value else None) for value in (*speeds, floored)
    )
    return Measured(quality, throughput, latency, cost)


def anchored_score(
    metrics: Measured[Value], anchors: Anchors, weights: Weights, policy: str
) -> Scored[Value]:
    """Score one model or a whole pool by the formula of this module.

    `policy` is a missing policy, one of `MISSING_NORMS`. Norms and score are 0 to 1 between the
    anchors and go beyond them.
    """
    quality = _norm(metrics.quality, anchors.quality)
    throughput = _counted(metrics.output_tokens_per_s, anchors.output_tokens_per_s, policy)
    latency = _counted(metrics.ttft_s, anchors.ttft_s, policy)
    speed = THROUGHPUT_SHARE * throughput + LATENCY_SHARE * latency
    cost = _counted(metrics.price_per_1m, anchors.price_per_1m, policy)
    score = weights.quality * quality + weights.speed * speed + weights.cost * cost
    return Scored(quality, speed, cost, score)


def _norm(value: Value, anchor: Anchor) -> Value:
    return (value + -anchor.zero) * anchor.slope


def _counted(metric: Known[Value], anchor: Anchor, policy: str) -> Value:
    """The norm, with a missing value filled in. Products with 0 and 1 choose exactly."""
    norm, floor = _norm(metric.value, anchor), anchor.floor(policy)
    is_below = norm < floor
    counted = is_below * floor + (1.0 + -1.0 * is_below) * norm
    return metric.present * counted + (1.0 + -1.0 * metric.present) * anchor.missing(policy)
