"""The weighted score: its formula by hand, its laws, and floats equal to columns to the bit."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.scoring.weighted import (
    MISSING_NORMS,
    Metrics,
    MinMaxScale,
    Scales,
    Scored,
    Weights,
    known,
    known_column,
    weighted_score,
)

BALANCED = Weights(0.6, 0.2, 0.2)

_values = st.none() | st.floats(min_value=0, max_value=100_000)
_model = st.tuples(st.floats(min_value=0, max_value=3_000), _values, _values, _values)
_pools = st.lists(_model, min_size=1, max_size=25)
_weights = st.tuples(*[st.integers(0, 100)] * 3).filter(any)
_policies = st.sampled_from(sorted(MISSING_NORMS))


def shares(parts: tuple[int, int, int]) -> Weights:
    return Weights(*(part / sum(parts) for part in parts))


def scales_of(pool: list[tuple[float | None, ...]]) -> Scales:
    return Scales(*(MinMaxScale.of(column) for column in zip(*pool, strict=True)))


def score_rows(
    pool: list[tuple[float | None, ...]], weights: Weights, missing: float
) -> list[Scored[float]]:
    scales = scales_of(pool)
    return [weighted_score(Metrics(*map(known, row)), scales, weights, missing) for row in pool]


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_a_pool_computed_by_hand() -> None:
    pool = [(60.0, 100.0, 1.0, 10.0), (40.0, 200.0, 0.5, 2.0), (20.0, 50.0, 2.5, 4.0)]
    first, second, third = score_rows(pool, BALANCED, 0.0)
    # Speed of the first: 0.7 * (100 - 50) / 150 + 0.3 * (1 - (1.0 - 0.5) / 2.0).
    assert first == pytest.approx((1.0, 0.7 / 3 + 0.225, 0.0, 0.6 + 0.2 * (0.7 / 3 + 0.225)))
    assert second == pytest.approx((0.5, 1.0, 1.0, 0.7))
    assert third == pytest.approx((0.0, 0.0, 0.75, 0.15))


def test_a_missing_value_is_the_worst_or_the_middle() -> None:
    pool = [(60.0, 100.0, 1.0, 10.0), (20.0, 50.0, 2.0, 2.0), (40.0, None, None, None)]
    assert score_rows(pool, BALANCED, MISSING_NORMS["penalize"])[2] == pytest.approx(
        (0.5, 0.0, 0.0, 0.3)
    )
    assert score_rows(pool, BALANCED, MISSING_NORMS["neutral"])[2] == pytest.approx(
        (0.5, 0.5, 0.5, 0.5)
    )


def test_throughput_and_latency_are_missing_one_by_one() -> None:
    pool = [(1.0, 10.0, None, 1.0), (1.0, 20.0, 1.0, 1.0), (1.0, None, 3.0, 1.0)]
    speeds = [scored.speed for scored in score_rows(pool, BALANCED, 0.0)]
    assert speeds == pytest.approx([0.0, 1.0, 0.0])
    assert [scored.speed for scored in score_rows(pool, BALANCED, 0.5)] == pytest.approx(
        [0.15, 1.0, 0.35]
    )


def test_a_constant_column_is_the_middle() -> None:
    pool = [(50.0, 80.0, 0.4, 3.0), (50.0, 80.0, 0.4, 3.0)]
    for scored in score_rows(pool, BALANCED, 0.0):
        assert scored == pytest.approx((0.5, 0.5, 0.5, 0.5))


def test_a_column_that_nobody_has_takes_the_missing_norm() -> None:
    pool = [(50.0, None, None, None), (60.0, None, None, None)]
    assert [scored.cost for scored in score_rows(pool, BALANCED, 0.0)] == [0.0, 0.0]
    assert [scored.cost for scored in score_rows(pool, BALANCED, 0.5)] == [0.5, 0.5]


def test_a_free_model_is_the_cheapest_not_unknown() -> None:
    pool = [(1.0, 1.0, 1.0, 0.0), (2.0, 1.0, 1.0, 5.0), (3.0, 1.0, 1.0, None)]
    assert [scored.cost for scored in score_rows(pool, BALANCED, 0.5)] == [1.0, 0.0, 0.5]


def test_a_subnormal_range_is_constant() -> None:
    assert MinMaxScale.of([0.0, 5e-324]) == MinMaxScale(0.0, 0.0, 0.5)


@pytest.mark.parametrize("values", [[1.0, math.inf], [-1.7e308, 1.7e308], [math.nan]])
def test_a_range_without_end_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        MinMaxScale.of(values)


@settings(deadline=None)
@given(pool=_pools, parts=_weights, policy=_policies)
def test_floats_and_columns_agree_to_the_bit(
    pool: list[tuple[float | None, ...]], parts: tuple[int, int, int], policy: str
) -> None:
    weights, missing = shares(parts), MISSING_NORMS[policy]
    by_row = score_rows(pool, weights, missing)
    columns = (known_column(np.array(column, dtype=float)) for column in zip(*pool, strict=True))
    by_column = weighted_score(Metrics(*columns), scales_of(pool), weights, missing)
    for field in Scored._fields:
        floats = [bits(getattr(scored, field)) for scored in by_row]
        assert floats == [bits(value) for value in getattr(by_column, field).tolist()]


@settings(deadline=None)
@given(pool=_pools, parts=_weights, policy=_policies)
def test_norms_and_scores_are_from_0_to_1(
    pool: list[tuple[float | None, ...]], parts: tuple[int, int, int], policy: str
) -> None:
    for scored in score_rows(pool, shares(parts), MISSING_NORMS[policy]):
        assert all(0.0 <= value <= 1.0 for value in scored)


@settings(deadline=None)
@given(pool=_pools, parts=_weights)
def test_a_dominated_model_is_never_above(
    pool: list[tuple[float | None, ...]], parts: tuple[int, int, int]
) -> None:
    known_only = [row for row in pool if None not in row]
    scores = score_rows(known_only, shares(parts), 0.0) if known_only else []
    for better, high in zip(known_only, scores, strict=True):
        for worse, low in zip(known_only, scores, strict=True):
            gains = (better[0] >= worse[0], better[1] >= worse[1])
            if all(gains) and better[2] <= worse[2] and better[3] <= worse[3]:
                assert high.score >= low.score
