"""The rungs of the ladder, and how long a choice stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.provider_choice import (
    ChoiceRules,
    NoProvider,
    Rung,
    available_of,
    climb_down,
    top_models,
)

RULES = ChoiceRules(valid_hours=12, retry_minutes=30, last_rankings_days=7)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BOTH = ("openai", "anthropic")


def row(rank: int, provider: str, category: str = "coding") -> dict[str, Any]:
    return {"category": category, "rank": rank, "provider": provider, "model_name": f"m{rank}"}


ROWS = [row(3, "openai"), row(1, "google"), row(2, "anthropic"), row(1, "openai", "math")]


def climb(age: timedelta | None, **changes: Any) -> Rung:
    told: dict[str, Any] = {
        "rows": ROWS,
        "available": BOTH,
        "outcomes": (),
        "turn": 0,
        **changes,
    }
    answered_at = None if age is None else NOW - age
    return climb_down(
        "coding",
        told["rows"],
        answered_at,
        told["available"],
        told["outcomes"],
        told["turn"],
        RULES,
        NOW,
    )


def steps(rung: Rung) -> list[str]:
    return [step for step, _ in rung.stepped_down]


def test_the_best_available_of_the_ranking() -> None:
    assert [r["rank"] for r in top_models(ROWS, "coding", None, 2)] == [1, 2]
    assert [r["rank"] for r in top_models(ROWS, "coding", ("openai",), 2)] == [3]
    assert top_models(ROWS, "coding", (), 2) == []


@pytest.mark.parametrize(
    ("age", "step"),
    [
        (timedelta(), "current"),
        (timedelta(hours=12) - timedelta(seconds=1), "current"),
        (timedelta(hours=12), "last_rankings"),
        (timedelta(days=7), "last_rankings"),
        (timedelta(days=7, seconds=1), "round_robin"),
        (None, "round_robin"),
    ],
)
def test_each_rung_by_the_age_of_the_last_answer(age: timedelta | None, step: str) -> None:
    rung = climb(age)
    assert rung.step == step
    expected = {
        "current": [],
        "last_rankings": ["current"],
        "round_robin": ["current", "last_rankings", "own_outcomes"],
    }
    assert steps(rung) == expected[step]
    if step != "round_robin":
        assert (rung.provider, rung.model) == ("anthropic", row(2, "anthropic"))


def test_our_own_outcomes_come_before_taking_turns() -> None:
    rung = climb(None, outcomes=("google", "openai", "anthropic"))
    assert (rung.step, rung.provider, rung.model) == ("own_outcomes", "openai", None)
    assert steps(rung) == ["current", "last_rankings"]
    assert climb(timedelta(hours=13), outcomes=("openai",)).step == "last_rankings"


def test_turns_go_round() -> None:
    assert [climb(None, turn=turn).provider for turn in range(4)] == [*BOTH, *BOTH]


def test_a_ranking_without_the_available_is_stepped_over_and_says_so() -> None:
    rung = climb(timedelta(), available=("mistral",))
    assert (rung.step, rung.provider) == ("round_robin", "mistral")
    reasons = dict(rung.stepped_down)
    assert reasons["current"] == "no ranked model of coding is of mistral"
    assert reasons["last_rankings"] == reasons["current"]
    assert "no outcomes of our own for coding" in reasons["own_outcomes"]


def test_every_reason_says_how_old_the_last_answer_is() -> None:
    assert dict(climb(timedelta(days=9)).stepped_down) == {
        "current": "no publisher has answered: the last answer is 216 h old",
        "last_rankings": "the last rankings are too old: the last answer is 216 h old",
        "own_outcomes": "no outcomes of our own for coding",
    }
    assert dict(climb(None, rows=[]).stepped_down)["last_rankings"] == "there are no rankings yet"


def test_nobody_available_is_said() -> None:
    with pytest.raises(NoProvider, match="set the key variable of one"):
        climb(timedelta(), available=())


@pytest.mark.parametrize(
    ("hours", "valid"), [(0, True), (11.99, True), (12, False), (-0.1, False), (100, False)]
)
def test_a_choice_stands_for_twelve_hours(hours: float, valid: bool) -> None:
    assert RULES.is_valid(NOW - timedelta(hours=hours), NOW) is valid


@pytest.mark.parametrize(
    ("minutes", "may"), [(None, True), (0, False), (29.9, False), (30, True), (-1, True)]
)
def test_a_failed_fetch_is_tried_again_after_half_an_hour(minutes: float | None, may: bool) -> None:
    failed_at = None if minutes is None else NOW - timedelta(minutes=minutes)
    assert RULES.may_fetch(failed_at, NOW) is may


def test_available_are_those_with_a_key() -> None:
    variables = {"openai": ["OPENAI_API_KEY"], "google": ["GEMINI_API_KEY", "GOOGLE_API_KEY"]}
    assert available_of(variables, {"GOOGLE_API_KEY": "x", "OPENAI_API_KEY": " "}) == ("google",)
    assert available_of(variables, {}) == ()


@given(
    age=st.none() | st.timedeltas(timedelta(), timedelta(days=30)),
    available=st.lists(st.sampled_from(["openai", "google", "xai"]), min_size=1, unique=True),
    outcomes=st.lists(st.sampled_from(["openai", "xai"]), unique=True),
    turn=st.integers(0, 10),
)
def test_somebody_available_is_always_chosen(
    age: timedelta | None, available: list[str], outcomes: list[str], turn: int
) -> None:
    rung = climb(age, available=tuple(available), outcomes=outcomes, turn=turn)
    assert rung.provider in available
    order = ["current", "last_rankings", "own_outcomes", "round_robin"]
    assert steps(rung) == order[: order.index(rung.step)]
