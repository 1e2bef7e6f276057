"""Spend at a volume, and the cost of a workload: hand-computed, and beside genai-prices."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.advice_evidence import Price, RoleVolume
from llmrec_pipeline.domain.confidence import wilson_interval
from llmrec_pipeline.domain.spend import NO_SPEND, in_words, monthly_spend, spend_fields
from llmrec_pipeline.domain.usage_prices import Terms
from llmrec_pipeline.domain.workload import Request, Workload

START = datetime(2026, 9, 1, tzinfo=UTC)


def _price(per_1k: str, output_per_1k: str, cached_per_1k: str | None = None) -> Price:
    return Price(
        row=1,
        input_per_1k=Decimal(per_1k),
        output_per_1k=Decimal(output_per_1k),
        cached_input_per_1k=None if cached_per_1k is None else Decimal(cached_per_1k),
        currency="USD",
        effective_at=START,
        source="invented",
    )


def _volume(role: str, **values: Any) -> RoleVolume:
    told = {
        "window_start": START,
        "window_end": START + timedelta(days=10),
        "calls": 100,
        "total_tokens": 1_200_000,
        "prompt_tokens": 1_000_000,
        "completion_tokens": 200_000,
        "cached_prompt_tokens": 400_000,
    }
    return RoleVolume(role=role, **{**told, **values})


def test_spend_is_of_a_mean_month_at_todays_prices() -> None:
    spend = monthly_spend(
        "builder_low",
        [_volume("builder"), _volume("doctor", calls=7)],
        # 600 at 0.002, 400 at 0.0005 and 200 at 0.01 are 3.4 USD in ten days.
        _price("0.002", "0.01", "0.0005"),
        # 1,000 at 0.001 and 200 at 0.004 are 1.8: no price of cached input is known.
        _price("0.001", "0.004"),
    )
    assert spend is not None
    assert (spend.current, spend.candidate) == (
        Fraction("3.4") * Fraction("3.04375"),
        Fraction("1.8") * Fraction("3.04375"),
    )
    assert spend_fields(spend) == {
        "monthly_cost_usd_current": 10.35,
        "monthly_cost_usd_candidate": 5.48,
        "monthly_delta_usd": -4.87,
        "spend_window": {
            "start": "2026-09-01T00:00:00Z",
            "end": "2026-09-11T00:00:00Z",
            "days": 10,
            "calls": 100,
            "roles": ["builder"],
        },
    }
    assert in_words(spend) == (
        "At our own volume (100 calls as builder in the 10 days before 2026-09-11) 5.48 USD a month, "
        "now 10.35: 4.87 USD less."
    )


def test_tokens_told_in_total_are_split_as_the_others_are() -> None:
    half_told = _volume("builder", total_tokens=2_400_000)
    price = _price("0.001", "0.001")
    once, twice = (
        monthly_spend("builder", [volume], price, price)
        for volume in (_volume("builder"), half_told)
    )
    assert once is not None
    assert twice is not None
    assert twice.current == 2 * once.current


@pytest.mark.parametrize(
    "volumes",
    [
        (),
        (_volume("builder", calls=0),),
        (_volume("builder", prompt_tokens=None, completion_tokens=None),),
    ],
)
def test_without_tokens_there_is_no_spend(volumes: tuple[RoleVolume, ...]) -> None:
    price = _price("1", "1")
    spend = monthly_spend("builder", volumes, price, price)
    assert spend is None
    assert spend_fields(spend) == NO_SPEND
    assert set(NO_SPEND.values()) == {None}
    assert in_words(spend) == ""


def _tiers() -> tuple[Terms, ...]:
    one, two = Decimal(1), Decimal(2)
    return (
        Terms(one, two, Decimal("0.25")),
        Terms(two, two * 2, Decimal("0.5"), above_input_tokens=1_000),
    )


def _cost(*rows: dict[str, Any]) -> Fraction:
    tiers = _tiers()
    workload = Workload.priced_by({"a": tiers, "b": [Terms(Decimal(9), Decimal(9))]})
    for row in rows:
        workload.add(Request.of(row))
    return workload.cost(tiers)


def test_a_workload_is_priced_by_the_length_of_each_request() -> None:
    short = {"input_tokens": "1000", "output_tokens": 100, "cached_input_tokens": 400}
    long = {"input_tokens": 1_001, "output_tokens": 0, "calls": ""}
    # Two requests of 600.
    both = {"input_tokens": 1_200, "output_tokens": 0, "calls": 2}
    assert _cost(short) == Fraction(600 + 100 + 200, 10**6)
    assert _cost(long) == Fraction(2_002, 10**6)
    assert _cost(both) == Fraction(1_200, 10**6)
    assert _cost(short, long, both) == _cost(short) + _cost(long) + _cost(both)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"output_tokens": 1}, "input_tokens: missing"),
        ({"input_tokens": "x", "output_tokens": 1}, "input_tokens: 'x' is not allowed"),
        ({"input_tokens": 1.5, "output_tokens": 1}, "input_tokens: 1.5 is not allowed"),
        ({"input_tokens": True, "output_tokens": 1}, "input_tokens: True is not allowed"),
        ({"input_tokens": 1, "output_tokens": -1}, "output_tokens: -1 is not allowed"),
        ({"input_tokens": 10**15 + 1, "output_tokens": 1}, "input_tokens: 1000000000000001 is not"),
        ({"input_tokens": math.inf, "output_tokens": 1}, "input_tokens: inf is not allowed"),
        ({"input_tokens": "nan", "output_tokens": 1}, "input_tokens: 'nan' is not allowed"),
        ({"input_tokens": "1e400", "output_tokens": 1}, "input_tokens: '1e400' is not allowed"),
        ({"input_tokens": "1e300000000", "output_tokens": 1}, "input_tokens: '1e300000000' is"),
        ({"input_tokens": 1, "output_tokens": "9" * 5_000}, "output_tokens: '9{39}… is not"),
        ({"input_tokens": 1, "output_tokens": 1, "calls": "1e-300000000"}, "calls: .* not allowed"),
        (
            {"input_tokens": 1, "output_tokens": 1, "cached_input_tokens": 2},
            "cached_input_tokens: 2 is more than input_tokens",
        ),
        ({"input_tokens": 1, "output_tokens": 1, "calls": 0}, "calls: 0 is not allowed"),
    ],
)
def test_a_row_that_cannot_be_is_told(row: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Request.of(row)


@given(st.integers(1, 10**9), st.data())
def test_an_interval_holds_its_rate(n: int, data: st.DataObject) -> None:
    rate = data.draw(st.integers(0, n)) / n
    low, high = wilson_interval(rate, n, 0.95)
    assert 0 <= low <= rate + 1e-12
    assert rate - 1e-12 <= high <= 1
    assert wilson_interval(1 - rate, n, 0.95) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    wider = wilson_interval(rate, n, 0.99)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12
