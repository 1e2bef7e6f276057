"""Category rankings: readings, maps, the blend of two publishers and the third that fills in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llmrec_pipeline.domain.categories import PublisherScore, rank_categories
from llmrec_pipeline.domain.categories_config import CATEGORIES, CategoriesConfig

CONTENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "categories.yaml").read_text(encoding="utf-8")
)
CONFIG = CategoriesConfig.model_validate(CONTENT)
AA, STATS, ARENA = "artificial_analysis", "llm_stats", "lmarena"
SEEN = datetime(2026, 5, 1, tzinfo=UTC)
BOARD = "lmarena_text_style_control"


def column(name: str, key: str, value: float, seen: datetime = SEEN) -> PublisherScore:
    return PublisherScore(AA, key, name, None, None, "index", value, "4.1", True, seen)


def bench(
    publisher: str, key: str, benchmark: str, category: str, value: float, unit: str = "fraction"
) -> PublisherScore:
    return PublisherScore(publisher, key, None, benchmark, category, unit, value, None, False, SEEN)


def rating(key: str, category: str, value: float) -> PublisherScore:
    return bench(ARENA, key, BOARD, category, value, "elo")


def about(*keys: str) -> dict[str, dict[str, Any]]:
    return {
        key: {
            "provider": key.partition("/")[0],
            "model_name": key,
            "output_tokens_per_s": 80.0,
            "ttft_s": 0.25,
            "price_input_per_1m": 3.0,
            "context_window": 200_000,
        }
        for key in keys
    }


def ranking(category: str, scores: list[PublisherScore], *keys: str) -> dict[str, dict[str, Any]]:
    rows = rank_categories(CONFIG, scores, about(*keys))
    return {row["canonical_model_key"]: row for row in rows if row["category"] == category}


def test_the_blend_by_hand() -> None:
    """a: 0.7 * 60 + 0.3 * 100 * (0.9 + 0.7) / 2 = 66; b: 61 alone; c: 70 alone;
    d: 100 * (1500 - 1200) / 600 = 50, since nobody else scores it."""
    later = SEEN + timedelta(days=1)
    scores = [
        column("coding_index", "a/a", 60.0, later),
        bench(STATS, "a/a", "humaneval", "code", 0.9),
        bench(STATS, "a/a", "swe-bench-verified", "uncategorised", 0.7),
        bench(STATS, "a/a", "gpqa", "reasoning", 0.1),
        rating("a/a", "coding", 1700.0),
        column("coding_index", "b/b", 61.0),
        bench(STATS, "c/c", "humaneval", "code", 0.7),
        rating("d/d", "coding", 1500.0),
        rating("e/e", "math", 1500.0),
        column("coding_index", "x/unlisted", 99.0),
    ]
    found = ranking("coding", scores, "a/a", "b/b", "c/c", "d/d", "e/e")
    assert {key: row["score"] for key, row in found.items()} == pytest.approx(
        {"a/a": 66.0, "b/b": 61.0, "c/c": 70.0, "d/d": 50.0}
    )
    assert [(row["rank"], key) for key, row in found.items()] == [
        (1, "c/c"),
        (2, "a/a"),
        (3, "b/b"),
        (4, "d/d"),
    ]
    sources = found["a/a"]["sources"]
    assert sources["formula"] == "0.7 * artificial_analysis + 0.3 * llm_stats"
    assert [
        (part["publisher"], part["reading"].split(" ")[0], part["mapped"], part["share"])
        for part in sources["publishers"]
    ] == [(AA, "coding_index", 60.0, 0.7), (STATS, "mean", pytest.approx(80.0), 0.3)]
    assert found["a/a"]["last_updated"] == later
    assert found["d/d"]["sources"]["formula"] == "1 * lmarena"
    assert found["a/a"]["metadata"] == {
        "speed": 80.0,
        "latency_ms": 250.0,
        "cost_per_token": pytest.approx(3e-6),
        "context_window": 200_000,
    }


def test_the_first_reading_that_scores_anybody_serves_all() -> None:
    by_benchmark = [bench(AA, "a/a", "aime", "benchmark", 0.5)]
    assert ranking("math", by_benchmark, "a/a", "b/b")["a/a"]["score"] == 50.0
    found = ranking("math", [*by_benchmark, column("math_index", "b/b", 40.0)], "a/a", "b/b")
    assert set(found) == {"b/b"}


def test_what_a_publisher_files_twice_counts_once() -> None:
    scores = [
        bench(STATS, "a/a", "humaneval", "code", 0.9),
        bench(STATS, "a/a", "humaneval", "programming", 0.9),
        bench(STATS, "a/a", "mbpp", "code", 0.6),
    ]
    assert ranking("coding", scores, "a/a")["a/a"]["score"] == pytest.approx(75.0)


def test_a_mean_of_two_boards_needs_both_where_anybody_has_both() -> None:
    both = [rating("a/a", "creative_writing", 1500.0), rating("a/a", "multi_turn", 1380.0)]
    half = [rating("b/b", "multi_turn", 1790.0)]
    found = ranking("empathy", [*both, *half], "a/a", "b/b")
    assert {key: row["score"] for key, row in found.items()} == {"a/a": pytest.approx(40.0)}
    assert set(ranking("empathy", half, "b/b")) == {"b/b"}


def test_points_are_no_fraction() -> None:
    points = bench(STATS, "a/a", "codeforces", "code", 2100.0, "points")
    assert ranking("coding", [points], "a/a") == {}


def _changed(**changes: Any) -> dict[str, Any]:
    return {**CONTENT, **changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_changed(blend={AA: 0.7, STATS: 0.2}), "sum to 0.9, not to 1"),
        (_changed(maps={**CONTENT["maps"], "elo": {"low": 5, "high": 5}}), "not above low"),
        (_changed(categories={"coding": {}}), "it must be coding, math"),
        (
            _changed(categories={**CONTENT["categories"], "math": {"epoch": []}}),
            "epoch is neither blended nor fills in",
        ),
        (
            _changed(categories={**CONTENT["categories"], "math": {AA: [{"unit": "elo"}]}}),
            "either column, or benchmarks",
        ),
    ],
)
def test_wrong_tables_are_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CategoriesConfig.model_validate(content)


keys = st.sampled_from(["a/a", "b/b", "c/c", "d/d"])
some_scores = st.lists(
    st.one_of(
        st.builds(
            column,
            st.sampled_from(["coding_index", "math_index", "quality_index", "reasoning_index"]),
            keys,
            st.floats(0, 100),
        ),
        st.builds(
            bench,
            st.sampled_from([AA, STATS]),
            keys,
            st.sampled_from(["gpqa", "aime", "humaneval", "mmlu_pro"]),
            st.sampled_from(["code", "math", "general", "conversation"]),
            st.floats(0, 1),
        ),
        st.builds(
            rating,
            keys,
            st.sampled_from(["coding", "overall", "expert", "longer_query"]),
            st.floats(800, 2000),
        ),
    ),
    max_size=25,
    unique_by=lambda score: (score[0], score[1], score[2], score[3], score[4]),
)


@given(some_scores, st.randoms(use_true_random=False))
def test_rankings_are_whole_bounded_and_the_same_in_any_order(
    scores: list[PublisherScore], order: Any
) -> None:
    models = about("a/a", "b/b", "c/c", "d/d")
    rows = rank_categories(CONFIG, scores, models)
    shuffled = list(scores)
    order.shuffle(shuffled)
    assert rank_categories(CONFIG, shuffled, models) == rows
    for category in CATEGORIES:
        ranked = [row for row in rows if row["category"] == category]
        assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
        assert [row["score"] for row in ranked] == sorted(
            (row["score"] for row in ranked), reverse=True
        )
        for row in ranked:
            assert 0 <= row["score"] <= 100
            shares = [part["share"] for part in row["sources"]["publishers"]]
            assert sum(shares) == pytest.approx(1)
            publishers = {part["publisher"] for part in row["sources"]["publishers"]}
            assert publishers in ({AA, STATS}, {AA}, {STATS}, {ARENA})
