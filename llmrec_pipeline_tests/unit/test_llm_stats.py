"""LLM-Stats: paging by cursor, what counts as verified, one score for each benchmark."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.pull import PullFailed, RawPage
from llmrec_pipeline_tests.parsing import by_id, page, parse, refusal, results, source_settings
from llmrec_pipeline_tests.publisher_facts import LLM_STATS, Facts, Row
from llmrec_pipeline_tests.publisher_faults import BadCells, EmptyList, RenamedFields


def _envelope(*rows: Row, cursor: object = None) -> Row:
    return {"scores": list(rows), "next_cursor": cursor, "total": len(rows)}


def _score(**changes: Any) -> Row:
    return {
        "model_id": "a-model",
        "model_name": "A Model",
        "organization": "OpenAI",
        "benchmark_id": "gpqa",
        "benchmark_name": "GPQA",
        "category": "reasoning",
        "score": 0.5,
        "normalized_score": 0.5,
        "max_score": 1.0,
        "is_self_reported": True,
        "verified": False,
        "scored_at": "2026-01-01T00:00:00Z",
        **changes,
    }


def test_every_score_lands_long_and_no_model_has_an_index() -> None:
    facts = Facts.invented(20)
    half = len(facts.llm_stats) // 2
    first, second = facts.llm_stats[:half], facts.llm_stats[half:]
    parsed = parse(LLM_STATS, _envelope(*first, cursor="c1"), _envelope(*second))
    assert (parsed.bad_values, len(parsed.benchmarks)) == ({}, len(facts.llm_stats))
    models, found = by_id(parsed), results(parsed)
    assert set(models) == set(facts.models(LLM_STATS))
    for row in facts.llm_stats:
        result = found[row["model_id"], row["benchmark_id"], row["category"]]
        assert (result["score"], result["unit"]) == (row["normalized_score"], "fraction")
        assert result["verified"] is row["verified"]
        model = models[row["model_id"]]
        assert (model["model_name"], model["creator"]) == (row["model_name"], row["organization"])
        assert not [name for name in model if name.endswith("_index")]


@pytest.mark.parametrize(
    ("verified", "self_reported", "expected"),
    [
        (True, False, True),
        (True, None, True),
        (True, True, False),
        (False, False, False),
        (None, False, False),
        ("true", False, False),
    ],
)
def test_what_a_creator_reports_of_itself_is_not_verified(
    verified: object, self_reported: object, expected: bool
) -> None:
    parsed = parse(LLM_STATS, _envelope(_score(verified=verified, is_self_reported=self_reported)))
    assert [row["verified"] for row in parsed.benchmarks] == [expected]


@pytest.mark.parametrize(
    ("score", "normalised", "expected"),
    [
        (2100.0, 0.7, (0.7, "fraction")),
        (0.81, None, (0.81, "fraction")),
        (0, None, (0.0, "fraction")),
        (1286.4, None, (1286.4, "points")),
    ],
)
def test_a_score_is_a_share_of_the_maximum_where_that_is_known(
    score: object, normalised: object, expected: tuple[float, str]
) -> None:
    parsed = parse(LLM_STATS, _envelope(_score(score=score, normalized_score=normalised)))
    assert [(row["score"], row["unit"]) for row in parsed.benchmarks] == [expected]


def test_of_several_scores_the_verified_then_the_last_counts() -> None:
    rows = [
        _score(normalized_score=0.9, scored_at="2026-03-01T00:00:00Z"),
        _score(normalized_score=0.6, scored_at="2026-02-01T00:00:00Z"),
        _score(model_id="b", normalized_score=0.9, scored_at="2026-03-01T00:00:00Z"),
        _score(model_id="b", normalized_score=0.4, verified=True, is_self_reported=False),
        _score(model_id="b", normalized_score=0.3, category=None),
    ]
    hashes = set()
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        parsed = parse(LLM_STATS, _envelope(*rows))
        hashes.add(parsed.content_hash())
        found = {key: row["score"] for key, row in results(parsed).items()}
        assert found == {
            ("a-model", "gpqa", "reasoning"): 0.9,
            ("b", "gpqa", "reasoning"): 0.4,
            ("b", "gpqa", "uncategorised"): 0.3,
        }
    assert len(hashes) == 1


def test_a_name_that_is_missing_is_the_id() -> None:
    parsed = parse(LLM_STATS, _envelope(_score(model_name=None, organization=None)))
    assert by_id(parsed)["a-model"]["model_name"] == "a-model"


def test_bad_scores_are_counted_and_left_out() -> None:
    parsed = parse(
        LLM_STATS, _envelope(*BadCells().change(Facts.invented(20), LLM_STATS).llm_stats)
    )
    assert parsed.bad_values == {"score": 3}


def test_other_structures_are_refused() -> None:
    facts = Facts.invented(20)
    assert "renamed" in refusal(LLM_STATS, {"data": []})
    assert "HTML" in refusal(LLM_STATS, b"<html>")
    assert "pages" in refusal(LLM_STATS)
    renamed = RenamedFields().change(facts, LLM_STATS).llm_stats
    assert "renamed" in refusal(LLM_STATS, _envelope(*renamed))
    assert refusal(LLM_STATS, _envelope(*EmptyList().change(facts, LLM_STATS).llm_stats))
    assert "cut short" in refusal(LLM_STATS, _envelope(_score(), cursor="c5"))


class _Pages:
    """Answers by cursor, as the client of a pull would."""

    def __init__(self, body_of: Callable[[str], object]) -> None:
        self.body_of = body_of
        self.asked: list[str] = []

    def get(self, name: str, *, params: Mapping[str, str | int]) -> RawPage:
        assert params["limit"] == 500
        cursor = str(params.get("cursor", "first"))
        self.asked.append(cursor)
        return page(self.body_of(cursor))


@pytest.mark.parametrize(
    ("body_of", "asked"),
    [
        (lambda cursor: _envelope(_score(), cursor={"first": "a", "a": "b"}.get(cursor)), 3),
        (lambda cursor: _envelope(_score(), cursor="a"), 2),
        (lambda cursor: _envelope(_score(), cursor=""), 1),
        (lambda cursor: _envelope(cursor="a"), 1),
        (lambda cursor: b"<html>", 1),
    ],
    ids=["three pages", "the same cursor for ever", "an empty cursor", "no scores", "HTML"],
)
def test_paging_ends(body_of: Callable[[str], object], asked: int) -> None:
    pages = _Pages(body_of)
    fetched = publisher(LLM_STATS).fetch(pages, source_settings(LLM_STATS))  # type: ignore[arg-type]
    assert len(pages.asked) == len(fetched) == asked


def test_more_pages_than_allowed_fail_the_pull() -> None:
    count = iter(range(1000))
    pages = _Pages(lambda cursor: _envelope(_score(), cursor=f"c{next(count)}"))
    config = source_settings(LLM_STATS).model_copy(update={"max_pages": 4})
    with pytest.raises(PullFailed, match="max_pages"):
        publisher(LLM_STATS).fetch(pages, config)  # type: ignore[arg-type]
    assert len(pages.asked) == 4


def test_recorded_scores(recordings: Path) -> None:
    facts = Facts.recorded(recordings)
    parsed = parse(LLM_STATS, _envelope(*facts.llm_stats))
    assert (len(parsed.models), len(parsed.benchmarks), parsed.bad_values) == (3, 39, {})
    assert {row["verified"] for row in parsed.benchmarks} == {False}
    assert {row["unit"] for row in parsed.benchmarks} == {"fraction"}
