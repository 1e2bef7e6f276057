"""Upgrade advice: a worked example, the edges of every ladder, and what must hold for any models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.advice import (
    KEEP,
    NO_ADVICE,
    NOT_ENOUGH_EVIDENCE,
    UPGRADE,
    advise,
)
from llmrec_pipeline.domain.advice_evidence import (
    Price,
    Quality,
    Runtime,
    Score,
    Sentiment,
    Subject,
    evidence_digest,
)
from llmrec_pipeline.domain.advice_record import figures, reasoning
from llmrec_pipeline.domain.assessment import Components, assess
from llmrec_pipeline.settings import load_settings

CONFIG = load_settings({}).advice
READ = datetime(2026, 11, 21, tzinfo=UTC)
USE_CASE = "builder_low"


def _price(input_per_1k: str, output_per_1k: str | None = None, currency: str = "USD") -> Price:
    return Price(
        row=1,
        input_per_1k=Decimal(input_per_1k),
        output_per_1k=Decimal(output_per_1k or input_per_1k),
        currency=currency,
        effective_at=READ,
        source="invented",
    )


def _score(value: str, benchmark: str = "riddles", **values: Any) -> Score:
    return Score(
        **{
            "row": 1,
            "benchmark": benchmark,
            "version": None,
            "source": "invented",
            "unit": "fraction",
            "value": Decimal(value),
            "retrieved_at": READ,
            **values,
        }
    )


def _runtime(calls: int, success: str, cost: str | None = None, **values: Any) -> Runtime:
    return Runtime(
        **{
            "row": 1,
            "role": "builder",
            "calls": calls,
            "success_rate": Decimal(success),
            "cost_usd": None if cost is None else Decimal(cost),
            **values,
        }
    )


def _subject(model_id: str = "laboratory/line-2", **values: Any) -> Subject:
    return Subject(
        **{
            "model_id": model_id,
            "provider": "laboratory",
            "family": "line",
            "price": _price("1"),
            "scores": (_score("0.5"),),
            **values,
        }
    )


CURRENT = _subject(
    "laboratory/line-1",
    price=_price("0.002", "0.006"),  # (3 * 0.002 + 0.006) / 4 = 0.003
    scores=(_score("0.5"), _score("1000", "board", unit="elo")),
    runtime=(_runtime(200, "0.8", "1.60"),),  # 160 successes at 0.01
    sentiment=Sentiment(positive=2, neutral=1, negative=1),  # 2.5 / 4
)
KIN = _subject(
    "laboratory/line-2",
    price=_price("0.003", "0.009"),  # 0.0045: the very edge of + 50 %
    scores=(_score("0.6"), _score("1000", "board", unit="elo")),  # + 20 % and even: + 10 %
    runtime=(_runtime(100, "0.9", "1.08"),),  # 90 successes at 0.012: 1.2 times
)
COUSIN = _subject(
    "laboratory/other-1",
    family="other",
    price=_price("0.004", "0.012"),  # the very edge of twice
    sentiment=Sentiment(negative=1),
)
STRANGER = _subject(
    "factory/thing-1",
    provider="factory",
    family="thing",
    price=_price("0.0022", "0.0066"),  # the very edge of 1.1 times
    scores=(_score("0.6"),),  # the very edge of + 20 %
    runtime=(_runtime(50, "0.76", "0.57"),),  # 38 successes at 0.015: 1.5 times
    sentiment=Sentiment(positive=1),
)


def test_a_worked_example() -> None:
    advice = advise(USE_CASE, CURRENT, [STRANGER, COUSIN, KIN, CURRENT], CONFIG)
    assert (advice.verdict, advice.excluded) == (UPGRADE, {})
    kin, stranger = advice.candidates
    (cousin,) = advice.considered

    assert kin.candidate.model_id == KIN.model_id
    # Runtime: 0.7 * (0.5 + 0.1 / 0.2) + 0.3 * 0.75
    assert kin.components == Components(*map(Fraction, ("0.75", "0.75", "0.925", "0.5")))
    assert kin.composite == Fraction("0.2625") + Fraction("0.3") + Fraction("0.185") + Fraction(
        "0.025"
    )
    # To keep: 0.35 + 0.4 * 0.5 + 0.2 * (0.7 * 0.5 + 0.3) + 0.05 * 0.625
    assert kin.to_keep == stranger.to_keep == Fraction("0.71125")
    assert (kin.cost_change, kin.quality_change) == (Fraction(1, 2), Fraction(1, 10))
    assert kin.confidence == stranger.confidence == Decimal("0.9")

    assert stranger.candidate.model_id == STRANGER.model_id
    # Runtime: 0.7 * (0.5 - 0.04 / 0.2) + 0.3 * 0.75
    assert stranger.components == Components(*map(Fraction, ("0.75", "1", "0.435", "1")))
    assert stranger.composite == Fraction("0.7995")
    assert (stranger.cost_change, stranger.quality_change) == (Fraction(1, 10), Fraction(1, 5))

    assert cousin.candidate.model_id == COUSIN.model_id
    assert cousin.components == Components(*map(Fraction, ("0.5", "0.5", "0.5", "0")))
    assert cousin.composite == Fraction("0.475")
    # Without calls to the cousin, the current model's own say nothing: 0.35 + 0.2 + 0.1 + 0.03125
    assert cousin.to_keep == Fraction("0.68125")
    assert cousin.confidence == Decimal("0.6")


@pytest.mark.parametrize(
    ("price", "score"),
    [
        ("0", "1"),
        ("1", "1"),
        ("1.000001", "0.75"),
        ("1.5", "0.75"),
        ("1.500001", "0.5"),
        ("2", "0.5"),
        ("2.000001", "0"),
    ],
)
def test_the_edges_of_the_price_ladder(price: str, score: str) -> None:
    found = assess(USE_CASE, _subject("a/b-1"), _subject(price=_price(price)), CONFIG)
    assert found.components.price == Fraction(score)


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("0.60", "1"),
        ("0.5999999", "0.75"),
        ("0.5100001", "0.75"),
        ("0.51", "0.5"),
        ("0.5", "0.5"),
        ("0.49", "0.5"),
        ("0.4899999", "0"),
    ],
)
def test_the_edges_of_the_benchmark_ladder(value: str, score: str) -> None:
    found = assess(USE_CASE, _subject("a/b-1"), _subject(scores=(_score(value),)), CONFIG)
    assert found.components.benchmark == Fraction(score)


def test_a_free_model_is_dearer_than_none() -> None:
    free = _subject("a/b-1", price=_price("0"))
    paid, also_free = (assess(USE_CASE, free, _subject(price=_price(p)), CONFIG) for p in "10")
    assert (paid.components.price, paid.cost_change) == (0, None)
    assert (also_free.components.price, also_free.cost_change) == (1, 0)


def test_a_gap_of_elo_is_what_it_wins() -> None:
    found = assess(
        USE_CASE,
        _subject("a/b-1", scores=(_score("1000", unit="elo"),)),
        _subject(scores=(_score("1400", unit="elo"),)),
        CONFIG,
    )
    assert float(found.quality_change or 0) == pytest.approx(2 * 10 / 11 - 1, abs=1e-12)


@pytest.mark.parametrize(("now", "then", "change"), [("1", "-1e9", -1), ("-1e400", "1e400", 1)])
def test_a_huge_gap_of_elo_is_a_sure_win_or_a_sure_loss(now: str, then: str, change: int) -> None:
    found = assess(
        USE_CASE,
        _subject("a/b-1", scores=(_score(now, unit="elo"),)),
        _subject(scores=(_score(then, unit="elo"),)),
        CONFIG,
    )
    assert found.quality_change == change


def test_a_change_that_no_float_holds_is_told_all_the_same() -> None:
    scores = [(_score(value),) for value in ("1e-200", "1e200")]
    subjects = (
        _subject(name, scores=told) for name, told in zip(("a/b-1", "a/b-2"), scores, strict=True)
    )
    found = assess(USE_CASE, *subjects, CONFIG)
    assert "inf % better" in reasoning(found)
    assert figures(found)["expected_quality_delta"].endswith("E+400")


@pytest.mark.parametrize(
    "other",
    [
        _score("0.9", "other"),
        _score("0.9", source="another"),
        _score("0.9", version="2"),
        _score("0.9", unit="percent"),
    ],
)
def test_only_the_same_measure_is_compared(other: Score) -> None:
    found = assess(USE_CASE, _subject("a/b-1"), _subject(scores=(other,)), CONFIG)
    assert (found.quality_change, found.components.benchmark) == (None, Fraction(1, 2))


def test_of_several_versions_the_one_retrieved_last_counts() -> None:
    def versions(old: str, new: str) -> tuple[Score, ...]:
        return (
            _score(new, version="1", row=2),
            _score(old, version="2", retrieved_at=READ - timedelta(days=1)),
        )

    found = assess(
        USE_CASE,
        _subject("a/b-1", scores=versions("0.5", "0.5")),
        _subject(scores=versions("0.1", "0.6")),
        CONFIG,
    )
    assert found.quality_change == Fraction(1, 5)
    assert found.candidate.rows()["benchmarks"] == [2]


def test_units_without_a_ratio_say_nothing() -> None:
    for unit, value in (("seconds", "0.5"), ("fraction", "0"), ("fraction", "-1")):
        pair = [_subject(name, scores=(_score(value, unit=unit),)) for name in ("a/b-1", "a/b-2")]
        assert assess(USE_CASE, pair[0], pair[1], CONFIG).shared == ()


def test_a_roles_own_calls_count_before_all_calls() -> None:
    rows = (_runtime(100, "0.5"), _runtime(300, "0.9", role="auditor", row=2))
    current = _subject("a/b-1", runtime=rows)
    own = assess(USE_CASE, current, _subject(runtime=(_runtime(100, "0.5"),)), CONFIG)
    assert own.components.runtime == Fraction("0.5")
    # All of them: 320 of 400 succeed, beside 80 of 100.
    other = _subject(runtime=(_runtime(100, "0.8", role="auditor"),))
    pooled = assess("tidy_semantic", current, other, CONFIG)
    assert pooled.components.runtime == Fraction("0.5")
    assert pooled.current.rows()["runtime"] == [1, 2]


@pytest.mark.parametrize(
    ("success", "score"),
    [("0.3", "0"), ("0.4", "0"), ("0.45", "0.25"), ("0.5", "0.5"), ("0.6", "1"), ("0.7", "1")],
)
def test_ten_points_of_success_are_the_whole_half(success: str, score: str) -> None:
    current = _subject("a/b-1", runtime=(_runtime(100, "0.5"),))
    found = assess(USE_CASE, current, _subject(runtime=(_runtime(100, success),)), CONFIG)
    # Without a cost, that part is neutral: 0.3 * 0.5.
    assert found.components.runtime == Fraction("0.7") * Fraction(score) + Fraction("0.15")


@pytest.mark.parametrize(
    ("heard", "score"),
    [
        ({"positive": 3}, "1"),
        ({"negative": 3}, "0"),
        ({"mixed": 1}, "0.5"),
        ({"neutral": 1, "negative": 1}, "0.25"),
        ({"positive": 2, "neutral": 1, "mixed": 2, "negative": 3}, "0.4375"),
        ({}, "0.5"),
    ],
)
def test_neutral_and_mixed_texts_count_half(heard: dict[str, int], score: str) -> None:
    other = _subject(sentiment=Sentiment(**heard))
    found = assess(USE_CASE, _subject("a/b-1"), other, CONFIG)
    assert found.components.sentiment == Fraction(score)


def test_a_price_per_success_needs_a_cost_and_a_success() -> None:
    current = _subject("a/b-1", runtime=(_runtime(100, "0.5", "1"),))
    for other in (_runtime(100, "0.5"), _runtime(100, "0", "1")):
        found = assess(USE_CASE, current, _subject(runtime=(other,)), CONFIG)
        success = Fraction("0.35") if other.success_rate else Fraction(0)
        assert found.components.runtime == success + Fraction("0.15")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"price": None}, "no price"),
        ({"is_deprecated": True}, "deprecated"),
        ({"is_listed": False}, "not listed"),
        ({"variant": "high"}, "another variant"),
        ({"price": _price("1", currency="EUR")}, "another currency"),
        (
            {"provider": "factory", "price": _price("1.1000001"), "scores": (_score("0.9"),)},
            "another provider, price not competitive",
        ),
        ({"provider": "factory", "scores": ()}, "another provider, no benchmark in common"),
        (
            {"provider": "factory", "scores": (_score("0.51"),)},
            "another provider, benchmarks not better",
        ),
        (
            {
                "provider": "factory",
                "scores": (_score("0.9"),),
                "runtime": (_runtime(1000, "0.7"),),
            },
            "another provider, clear regression in our own calls",
        ),
    ],
)
def test_who_is_no_candidate(values: dict[str, Any], reason: str) -> None:
    current = _subject("laboratory/line-1", runtime=(_runtime(1000, "0.9"),))
    advice = advise(USE_CASE, current, [_subject(**values)], CONFIG)
    assert (advice.verdict, advice.excluded) == (KEEP, {reason: 1})


def test_an_unclear_regression_excludes_nobody() -> None:
    current = _subject("laboratory/line-1", runtime=(_runtime(20, "0.9"),))
    other = _subject(
        "factory/thing-1",
        provider="factory",
        scores=(_score("0.9"),),
        runtime=(_runtime(20, "0.7"),),
    )
    advice = advise(USE_CASE, current, [other], CONFIG)
    assert advice.excluded == {}


@pytest.mark.parametrize(("high", "is_clear"), [("0.85", False), ("0.849", True)])
def test_a_regression_is_clear_below_the_whole_stored_interval(high: str, is_clear: bool) -> None:
    def calls(success: str, low: str, high: str) -> tuple[Runtime, ...]:
        interval = {"success_low": Decimal(low), "success_high": Decimal(high)}
        return (_runtime(20, success, **interval),)

    current = _subject("laboratory/line-1", runtime=calls("0.9", "0.85", "0.95"))
    other = _subject(
        "factory/thing-1",
        provider="factory",
        scores=(_score("0.9"),),
        runtime=calls("0.7", "0.6", high),
    )
    reason = "another provider, clear regression in our own calls"
    assert advise(USE_CASE, current, [other], CONFIG).excluded == ({reason: 1} if is_clear else {})


def test_a_current_model_without_a_price_gets_no_advice() -> None:
    advice = advise(USE_CASE, _subject("laboratory/line-1", price=None), [KIN], CONFIG)
    assert (advice.verdict, advice.candidates) == (NO_ADVICE, ())
    assert "laboratory/line-1 has no price" in advice.reason


def test_what_nothing_is_known_of_is_not_enough_evidence() -> None:
    advice = advise(
        USE_CASE, _subject("a/b-1", provider="laboratory"), [_subject(scores=())], CONFIG
    )
    assert (advice.verdict, len(advice.considered)) == (NOT_ENOUGH_EVIDENCE, 1)


def test_as_good_and_cheaper_is_better_and_the_same_is_not() -> None:
    current = _subject("laboratory/line-1")
    cheaper = _subject(price=_price("0.9"))
    assert advise(USE_CASE, current, [cheaper], CONFIG).verdict == UPGRADE
    assert advise(USE_CASE, current, [_subject()], CONFIG).verdict == KEEP


def test_kin_come_first_and_the_limit_holds() -> None:
    def better(model_id: str, score: str, **values: Any) -> Subject:
        return _subject(model_id, scores=(_score(score),), **values)

    others = [
        better("factory/thing-1", "0.9", provider="factory"),
        better("laboratory/other-1", "0.8", family="other"),
        better("laboratory/line-2", "0.55"),
        better("laboratory/line-3", "0.7"),
    ]
    advice = advise(USE_CASE, _subject("laboratory/line-1"), others, CONFIG, 3)
    assert [found.candidate.model_id for found in advice.candidates] == [
        "laboratory/line-3",
        "laboratory/line-2",
        "laboratory/other-1",
    ]


def test_equals_stand_by_quality_and_then_by_price() -> None:
    others = [
        _subject("laboratory/line-2", scores=(_score("0.55"),)),
        _subject("laboratory/line-3", scores=(_score("0.56"),)),
        _subject("laboratory/line-4", scores=(_score("0.56"),), price=_price("0.9")),
    ]
    advice = advise(USE_CASE, _subject("laboratory/line-1"), others, CONFIG)
    assert len({found.composite for found in advice.candidates}) == 1
    assert [found.candidate.model_id[-1] for found in advice.candidates] == ["4", "3", "2"]


def test_the_interval_of_the_consensus() -> None:
    found = assess(
        USE_CASE,
        _subject("a/b-1", quality=Quality(score=1.0, low=0.7, high=1.3)),
        _subject(quality=Quality(score=1.5, low=1.1, high=1.9)),
        CONFIG,
    )
    assert found.interval == pytest.approx((0.5, 0.0, 1.0))


def test_evidence_is_told_apart_by_values_not_by_rows() -> None:
    moved = _subject(quality=Quality(score=1.0, low=0.7, high=1.3), scores=(_score("0.5", row=9),))
    assert evidence_digest([moved], "c") == evidence_digest([_subject()], "c")
    assert evidence_digest([_subject()], "d") != evidence_digest([_subject()], "c")
    assert evidence_digest([KIN], "c") != evidence_digest([_subject()], "c")


_amounts = st.decimals("0.0001", "10", places=4)
_shares = st.decimals("0", "1", places=3)
_counts = st.integers(0, 30)


@st.composite
def _subjects(draw: st.DrawFn) -> Subject:
    calls = draw(st.integers(0, 400))
    return _subject(
        f"{draw(st.sampled_from(['laboratory', 'factory']))}/line-{draw(st.integers(2, 99))}",
        price=_price(str(draw(_amounts)), str(draw(_amounts))),
        scores=(_score(str(draw(_shares) + Decimal("0.001"))),),
        runtime=(_runtime(calls, str(draw(_shares)), str(draw(_amounts))),),
        sentiment=Sentiment(
            positive=draw(_counts),
            neutral=draw(_counts),
            mixed=draw(_counts),
            negative=draw(_counts),
        ),
    )


@given(_subjects(), _subjects(), _amounts)
def test_a_lower_price_never_lowers_a_composite(
    current: Subject, other: Subject, less: Decimal
) -> None:
    assert other.price
    cut = min(less, other.price.input_per_1k)
    price = other.price.model_copy(update={"input_per_1k": other.price.input_per_1k - cut})
    cheaper = other.model_copy(update={"price": price})
    before, after = (assess(USE_CASE, current, one, CONFIG) for one in (other, cheaper))
    assert after.composite >= before.composite


@given(_subjects(), _subjects(), _shares)
def test_a_better_score_never_lowers_a_composite(
    current: Subject, other: Subject, more: Decimal
) -> None:
    score = other.scores[0].model_copy(update={"value": other.scores[0].value + more})
    better = other.model_copy(update={"scores": (score,)})
    before, after = (assess(USE_CASE, current, one, CONFIG) for one in (other, better))
    assert after.composite >= before.composite


@given(_subjects(), st.lists(_subjects(), max_size=5))
def test_advice_is_the_same_in_any_order_and_computed_again_from_its_own_copy(
    current: Subject, others: list[Subject]
) -> None:
    distinct = list({other.model_id: other for other in others}.values())
    advice = advise(USE_CASE, current, distinct, CONFIG)
    assert advise(USE_CASE, current, distinct[::-1], CONFIG) == advice
    for found in (*advice.candidates, *advice.considered):
        copies = [
            Subject.model_validate_json(subject.model_dump_json())
            for subject in (found.current, found.candidate)
        ]
        assert assess(USE_CASE, copies[0], copies[1], CONFIG) == found
        assert 0 <= found.composite <= 1
