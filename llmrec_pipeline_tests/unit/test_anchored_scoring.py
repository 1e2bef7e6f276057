"""The anchored score: its formula by hand, its laws, and floats equal to columns to the bit."""

from __future__ import annotations

import copy
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.scoring.anchored import (
    Anchors,
    Measured,
    anchored_score,
    measured,
)
from llmrec_pipeline.domain.scoring.weighted import (
    MISSING_NORMS,
    Known,
    Scored,
    Weights,
)

CONTENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "anchors.yaml").read_text(encoding="utf-8")
)
CONFIGURED = Anchors.from_mapping(CONTENT)
BALANCED = Weights(0.6, 0.2, 0.2)
PENALIZE, NEUTRAL = "penalize", "neutral"

# Powers of ten, so that every norm can be told by heart.
ROUND = Anchors.from_mapping(
    CONTENT
    | {
        "price_floor_per_1m": 0.01,
        "token_mix": {"input": 0.5, "cached_input": 0.25, "output": 0.25},
        "anchors": {
            "price_per_1m": {"low": 0.1, "high": 10, "worst": 100, "middle": 1, "reason": "test"},
            "output_tokens_per_s": {
                "low": 10,
                "high": 1000,
                "worst": 1,
                "middle": 100,
                "reason": "test",
            },
            "ttft_s": {"low": 0.1, "high": 10, "worst": 100, "middle": 1, "reason": "test"},
        },
    }
)

PRICE, OUTPUT, CACHED = "price_input_per_1m", "price_output_per_1m", "price_cached_input_per_1m"
SPEED, LATENCY = "output_tokens_per_s", "ttft_s"
# Whether more is better, by what an offering tells.
BETTER_UP = {SPEED: True, LATENCY: False, PRICE: False, OUTPUT: False}

_quality = st.floats(-6, 6)
_value = st.none() | st.floats(0.001, 100_000)
_offering = st.fixed_dictionaries(
    dict.fromkeys((SPEED, LATENCY), _value)
    | {name: st.none() | st.floats(0, 100_000) for name in (PRICE, OUTPUT, CACHED)}
)
_model = st.tuples(_quality, _offering)
_pools = st.lists(_model, min_size=1, max_size=20)
_weights = st.tuples(*[st.integers(0, 100)] * 3).filter(any)
_policies = st.sampled_from(sorted(MISSING_NORMS))


def shares(parts: tuple[int, int, int]) -> Weights:
    return Weights(*(part / sum(parts) for part in parts))


def score(
    model: tuple[float, dict[str, Any]],
    weights: Weights = BALANCED,
    policy: str = PENALIZE,
    anchors: Anchors = CONFIGURED,
) -> Scored[float]:
    return anchored_score(measured(*model, anchors), anchors, weights, policy)


def offered(
    price: float | None = None,
    output: float | None = None,
    speed: float | None = None,
    latency: float | None = None,
    cached: float | None = None,
) -> dict[str, Any]:
    values = (price, output, speed, latency, cached)
    return dict(zip((PRICE, OUTPUT, SPEED, LATENCY, CACHED), values, strict=True))


# By hand


def test_a_score_computed_by_hand() -> None:
    # Quality +1 of -2..+2 is 3/4. Price 0.5 * 1 + 0.25 * 0.2 + 0.25 * 1.8 = 1 USD, half way from
    # 10 to 0.1. Speed 100, half way from 10 to 1000; latency 10^-0.5, three quarters of the way.
    model = (1.0, offered(1.0, 1.8, 100.0, 10**-0.5, 0.2))
    found = score(model, BALANCED, PENALIZE, ROUND)
    assert found == pytest.approx((0.75, 0.7 * 0.5 + 0.3 * 0.75, 0.5, 0.45 + 0.115 + 0.1))


def test_a_missing_cached_price_is_the_input_price() -> None:
    assert ROUND.token_mix.price(offered(1.0, 5.0)) == pytest.approx(2.0)
    assert ROUND.token_mix.price(offered(1.0, 5.0, cached=0.0)) == pytest.approx(1.75)


@pytest.mark.parametrize("prices", [(None, 5.0), (1.0, None), (None, None)])
def test_half_a_price_is_no_price(prices: tuple[float | None, float | None]) -> None:
    assert ROUND.token_mix.price(offered(*prices)) is None
    assert score((0.0, offered(*prices)), anchors=ROUND).cost == ROUND.price_per_1m.worst


def test_a_price_is_floored_before_its_logarithm() -> None:
    # 0.01 USD is one and a half times the way from 10 to 0.1.
    assert score((0.0, offered(0.0, 0.0)), anchors=ROUND).cost == pytest.approx(1.5)
    assert score((0.0, offered(0.01, 0.01)), anchors=ROUND).cost == pytest.approx(1.5)


def test_values_beyond_an_anchor_go_on() -> None:
    found = score((4.0, offered(50.0, 50.0, 10_000.0, 0.01)), policy=NEUTRAL, anchors=ROUND)
    assert found.quality == pytest.approx(1.5)
    assert found.speed == pytest.approx(0.7 * 1.5 + 0.3 * 1.5)
    assert found.cost == pytest.approx(-0.349485)  # log10(10 / 50) / 2


def test_a_missing_value_is_the_frozen_worst_or_middle() -> None:
    nothing = (0.0, offered())
    assert score(nothing, policy=PENALIZE, anchors=ROUND) == pytest.approx((0.5, -0.5, -0.5, 0.1))
    assert score(nothing, policy=NEUTRAL, anchors=ROUND) == pytest.approx((0.5, 0.5, 0.5, 0.5))


def test_under_penalize_no_known_value_counts_less_than_a_missing_one() -> None:
    dearest, unknown = (0.0, offered(5_000.0, 5_000.0)), (0.0, offered())
    assert score(dearest, policy=PENALIZE) == score(unknown, policy=PENALIZE)
    assert score(dearest, policy=NEUTRAL).cost < score(unknown, policy=NEUTRAL).cost


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 1}, "version: 1; allowed: a name"),
        ({"token_mix": {"input": 1, "cached_input": 1, "output": 0}}, "token_mix: .*sum to 1"),
        ({"price_floor_per_1m": 0}, "price_floor_per_1m: 0; allowed: a number from"),
        ({"quality": {"low": 1, "high": 1}}, "quality.high: 1; allowed: more than low, 1"),
        ({"more": 1}, "more: unknown key"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Anchors.from_mapping(CONTENT | changes)


@pytest.mark.parametrize(
    ("metric", "key", "value", "message"),
    [
        ("ttft_s", "low", 60, "anchors.ttft_s.high: 30; allowed: more than low, 60"),
        ("ttft_s", "low", 0, "anchors.ttft_s.low: 0; allowed"),
        ("price_per_1m", "worst", 1, "anchors.price_per_1m.worst: 1; allowed: no better than"),
        ("output_tokens_per_s", "worst", 80, "anchors.output_tokens_per_s.worst: 80; allowed"),
        ("price_per_1m", "reason", None, "anchors.price_per_1m.reason: None; allowed: a name"),
    ],
)
def test_a_wrong_anchor_is_named(metric: str, key: str, value: Any, message: str) -> None:
    content = copy.deepcopy(CONTENT)
    content["anchors"][metric][key] = value
    with pytest.raises(ValueError, match=message):
        Anchors.from_mapping(content)


# Laws


@settings(deadline=None)
@given(pool=_pools, parts=_weights, policy=_policies)
def test_floats_and_columns_agree_to_the_bit(
    pool: list[tuple[float, dict[str, Any]]], parts: tuple[int, int, int], policy: str
) -> None:
    weights = shares(parts)
    rows = [measured(*model, CONFIGURED) for model in pool]
    by_row = [anchored_score(row, CONFIGURED, weights, policy) for row in rows]
    columns: list[Any] = [np.array([row.quality for row in rows])]
    for metric in zip(*(row[1:] for row in rows), strict=True):
        columns.append(Known(*(np.array(part) for part in zip(*metric, strict=True))))
    by_column = anchored_score(Measured(*columns), CONFIGURED, weights, policy)
    for field in Scored._fields:
        floats = [struct.pack("<d", getattr(scored, field)) for scored in by_row]
        assert floats == [struct.pack("<d", v) for v in getattr(by_column, field).tolist()]


@settings(deadline=None)
@given(
    model=_model,
    name=st.sampled_from(sorted(BETTER_UP)),
    pair=st.tuples(st.floats(0.001, 100_000), st.floats(0.001, 100_000)),
    parts=_weights,
    policy=_policies,
)
def test_improving_a_metric_never_lowers_a_score(
    model: tuple[float, dict[str, Any]],
    name: str,
    pair: tuple[float, float],
    parts: tuple[int, int, int],
    policy: str,
) -> None:
    quality, offering = model
    worse, better = sorted(pair, reverse=not BETTER_UP[name])
    before, after = (
        score((quality, offering | {name: value}), shares(parts), policy).score
        for value in (worse, better)
    )
    assert after >= before


@settings(deadline=None)
@given(model=_model, better=_quality, parts=_weights, policy=_policies)
def test_better_quality_never_lowers_a_score(
    model: tuple[float, dict[str, Any]], better: float, parts: tuple[int, int, int], policy: str
) -> None:
    improved = (max(model[0], better), model[1])
    assert score(improved, shares(parts), policy).score >= score(model, shares(parts), policy).score


@settings(deadline=None)
@given(
    model=_model,
    worse=st.fixed_dictionaries(
        {name: st.none() | st.floats(1, 1_000) for name in sorted(BETTER_UP)}
    ),
    less=st.floats(0, 3),
    parts=_weights,
)
def test_a_dominated_model_is_never_above_its_dominator(
    model: tuple[float, dict[str, Any]],
    worse: dict[str, float | None],
    less: float,
    parts: tuple[int, int, int],
) -> None:
    """Worse or missing in everything: under `penalize` a missing value is nowhere an advantage."""
    quality, offering = model
    dominated = dict(offering)
    for name, factor in worse.items():
        if factor is None or offering[name] is None:
            dominated[name] = None
        elif BETTER_UP[name]:
            dominated[name] = offering[name] / factor
        else:
            dominated[name] = offering[name] * factor
    weights = shares(parts)
    below, above = score((quality - less, dominated), weights), score(model, weights)
    assert below.score <= above.score
