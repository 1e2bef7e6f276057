"""The weighted score: linear min-max norms of quality, speed and cost, weighted and summed.

    speed_norm = 0.7 * norm(output_tokens_per_s) + 0.3 * norm_inv(ttft_s)
    cost_norm  = norm_inv(price_input_per_1m)
    score      = w_q * quality_norm + w_s * speed_norm + w_c * cost_norm

One implementation serves a single model (floats, for the command line) and a whole pool (numpy
columns, for the batch). It uses only `+`, `*` and `<` in a fixed order: on IEEE doubles these give
the same bits for a float and for an element of a column, which a division or a library sum would
not promise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = TypeVar("Value", float, "NDArray[np.float64]")

THROUGHPUT_SHARE = 0.7
LATENCY_SHARE = 0.3
CONSTANT_NORM = 0.5

MISSING_NORMS: dict[str, float] = {"penalize": 0.0, "neutral": 0.5}
"""What a missing value counts as, by missing policy: the worst norm, or the middle one."""


class Weights(NamedTuple):
    """Shares of the three norms in the score; they sum to 1."""

    quality: float
    speed: float
    cost: float


class MinMaxScale(NamedTuple):
    """Linear min-max over a pool, prepared once: norm(x) = (x - lo) * inverse_width + offset."""

    lo: float
    inverse_width: float
    offset: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> MinMaxScale:
        """The scale of the values that are known (None is skipped), in the values' own unit.

        A constant or empty column gives 0.5 everywhere. Raises ValueError where the values are
        not finite or their range is not.
        """
        known = [value for value in values if value is not None]
        if not known:
            return cls(0.0, 0.0, CONSTANT_NORM)
        lo, hi = float(min(known)), float(max(known))
        width = hi - lo
        if not isfinite(width):
            raise ValueError(f"no scale from {lo} to {hi}: the range must be finite")
        # The inverse of a subnormal width overflows; such values differ by nothing measurable.
        if width < sys.float_info.min:
            return cls(lo, 0.0, CONSTANT_NORM)
        return cls(lo, 1.0 / width, 0.0)


class Known(NamedTuple, Generic[Value]):
    """A value with its presence: 1.0 known, 0.0 missing. A missing value must be finite (0.0)."""

    value: Value
    present: Value


class Metrics(NamedTuple, Generic[Value]):
    """What is scored: quality (the measure's own unit), tokens/s, s, USD per 1M input tokens."""

    quality: Known[Value]
    output_tokens_per_s: Known[Value]
    ttft_s: Known[Value]
    price_input_per_1m: Known[Value]


class Scales(NamedTuple):
    """The scale of each metric over the pool."""

    quality: MinMaxScale
    output_tokens_per_s: MinMaxScale
    ttft_s: MinMaxScale
    price_input_per_1m: MinMaxScale


class Scored(NamedTuple, Generic[Value]):
    """The norms and the score, each from 0 to 1; a cost of 1 is the cheapest."""

    quality: Value
    speed: Value
    cost: Value
    score: Value


def known(value: float | None) -> Known[float]:
    """A single value; None is missing."""
    return Known(0.0, 0.0) if value is None else Known(float(value), 1.0)


def known_column(values: NDArray[np.float64]) -> Known[NDArray[np.float64]]:
    """A column of values; NaN is missing."""
    import numpy as np

    missing = np.isnan(values)
    return Known(np.where(missing, 0.0, values), np.where(missing, 0.0, 1.0))


def _at_most_one(value: Value) -> Value:
    # width * (1 / width) and sums of weights can pass 1 by a rounding step.
    one_less = 1.0 + -1.0 * value
    return value + (one_less < 0.0) * one_less


def _scaled(metric: Known[Value], scale: MinMaxScale) -> Value:
    return _at_most_one((metric.value + -scale.lo) * scale.inverse_width + scale.offset)


def _fill(metric: Known[Value], norm: Value, missing: float) -> Value:
    return metric.present * norm + (1.0 + -1.0 * metric.present) * missing


def _norm(metric: Known[Value], scale: MinMaxScale, missing: float) -> Value:
    return _fill(metric, _scaled(metric, scale), missing)


def _norm_inv(metric: Known[Value], scale: MinMaxScale, missing: float) -> Value:
    return _fill(metric, 1.0 + -1.0 * _scaled(metric, scale), missing)


def weighted_score(
    metrics: Metrics[Value], scales: Scales, weights: Weights, missing: float
) -> Scored[Value]:
    """Score one model or a whole pool by the formula of this module.

    `missing` is the norm that a missing value takes, one of `MISSING_NORMS`.
    """
    quality = _norm(metrics.quality, scales.quality, missing)
    throughput = _norm(metrics.output_tokens_per_s, scales.output_tokens_per_s, missing)
    latency = _norm_inv(metrics.ttft_s, scales.ttft_s, missing)
    speed = THROUGHPUT_SHARE * throughput + LATENCY_SHARE * latency
    cost = _norm_inv(metrics.price_input_per_1m, scales.price_input_per_1m, missing)
    score = _at_most_one(weights.quality * quality + weights.speed * speed + weights.cost * cost)
    return Scored(quality, speed, cost, score)
