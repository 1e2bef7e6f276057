"""The parsers: both shapes, every structural fault, bad cells, unknown and free, arbitrary JSON."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.settings import SourceSettings, load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage
from llmrec_pipeline.storage.fixture import Fixture, FixtureError
from llmrec_pipeline_tests.parsing import ASKED
from llmrec_pipeline_tests.parsing import page as _page
from llmrec_pipeline_tests.parsing import parse as _parse
from llmrec_pipeline_tests.parsing import refusal as _refusal
from llmrec_pipeline_tests.parsing import require_clean as _require_clean
from llmrec_pipeline_tests.parsing import settings as _settings
from llmrec_pipeline_tests.parsing import source_settings as _source
from llmrec_pipeline_tests.publisher_facts import AA, LMARENA, MODELS_DEV, SOURCES, Facts, Row
from llmrec_pipeline_tests.publisher_faults import (
    BadCells,
    EmptyList,
    RenamedFields,
    ZeroForUnknown,
)
from llmrec_pipeline_tests.publishers import leaderboard_parquet


def _envelope(rows: Sequence[Any], *, has_more: object = False, version: object = 4.1) -> Row:
    return {
        "tier": "free",
        "intelligence_index_version": version,
        "pagination": {"page": 1, "page_size": 200, "total_pages": 1, "has_more": has_more},
        "data": list(rows),
    }


def _body(source: str, facts: Facts, *, legacy: bool = False) -> object:
    """The one page in which a publisher tells these facts."""
    if source == AA:
        return (
            {"status": 200, "data": list(facts.legacy)}
            if legacy
            else _envelope(facts.artificial_analysis)
        )
    return facts.models_dev if source == MODELS_DEV else leaderboard_parquet(facts.lmarena)


@pytest.fixture
def facts() -> Facts:
    return Facts.invented(20)


def _by_id(rows: Sequence[Any]) -> dict[str, Any]:
    return {row["source_model_id"]: row for row in rows}


# shapes -------------------------------------------------------------------------------------


def test_artificial_analysis_current(facts: Facts) -> None:
    first, second = facts.artificial_analysis[:12], facts.artificial_analysis[12:]
    parsed = _parse(AA, _envelope(first, has_more=True), _envelope(second))
    assert parsed.index_version == "4.1"
    assert parsed.bad_values == {}
    models = _by_id(parsed.models)
    assert list(models) == [row["id"] for row in facts.artificial_analysis]
    for row in facts.artificial_analysis:
        model, prices, speed = models[row["id"]], row["pricing"], row["performance"]
        assert model["model_name"] == row["name"]
        assert model["creator"] == row["model_creator"]["name"]
        index = row["evaluations"]["artificial_analysis_intelligence_index"]
        assert model["quality_index"] == index
        assert model["output_tokens_per_s"] == speed["median_output_tokens_per_second"]
        assert model["ttft_s"] == speed["median_time_to_first_token_seconds"]
        assert model["price_input_per_1m"] == prices["price_1m_input_tokens"]
        assert model["price_output_per_1m"] == prices["price_1m_output_tokens"]
        assert model["is_free"] is (None if prices["price_1m_input_tokens"] is None else False)
        assert model["context_window"] == row["context_window_tokens"]
        assert model["release_date"] == date.fromisoformat(row["release_date"])
        assert model["index_version"] == "4.1"
        assert model["source_url"] == ASKED
    known = sum(
        value is not None for r in facts.artificial_analysis for value in r["evaluations"].values()
    )
    assert len(parsed.benchmarks) == known
    assert {(b["unit"], b["category"], b["index_version"]) for b in parsed.benchmarks} == {
        ("index", "index", "4.1")
    }


def test_artificial_analysis_legacy(facts: Facts) -> None:
    parsed = _parse(AA, _body(AA, facts, legacy=True))
    assert parsed.index_version is None
    assert parsed.bad_values == {}
    models = _by_id(parsed.models)
    for row in facts.legacy:
        model = models[row["id"]]
        assert model["index_version"] is None
        assert model["math_index"] == row["evaluations"]["artificial_analysis_math_index"]
        assert model["reasoning_index"] == pytest.approx(row["evaluations"]["gpqa"] * 100)
        assert model["output_tokens_per_s"] == (row["median_output_tokens_per_second"] or None)
        assert model["price_input_per_1m"] == (row["pricing"]["price_1m_input_tokens"] or None)
    assert {b["unit"] for b in parsed.benchmarks if b["benchmark_name"] == "gpqa"} == {"fraction"}
    assert {b["unit"] for b in parsed.benchmarks if b["category"] == "index"} == {"index"}


def test_models_dev(facts: Facts) -> None:
    parsed = _parse(MODELS_DEV, facts.models_dev)
    assert parsed.bad_values == {}
    assert [row["source_model_id"] for row in parsed.models] == facts.models(MODELS_DEV)
    for row in parsed.models:
        host, _, model_id = row["source_model_id"].partition("/")
        told = facts.models_dev[host]["models"][model_id]
        assert row["host"] == host
        assert row["price_input_per_1m"] == told["cost"]["input"]
        assert row["price_cached_input_per_1m"] == told["cost"]["cache_read"]
        assert row["context_window"] == told["limit"]["context"]
        assert row["is_open_weights"] is told["open_weights"]
        assert row["is_free"] is False
        assert row["is_deprecated"] is False


def test_lmarena(facts: Facts) -> None:
    parsed = _parse(LMARENA, leaderboard_parquet(facts.lmarena))
    assert parsed.bad_values == {}
    assert {row["source_model_id"] for row in parsed.models} == set(facts.models(LMARENA))
    results = {(row["source_model_id"], row["category"]): row for row in parsed.benchmarks}
    models = _by_id(parsed.models)
    columns = {
        "overall": "quality_index",
        "coding": "coding_index",
        "hard_prompts": "reasoning_index",
    }
    assert len(results) == len(facts.lmarena)
    for row in facts.lmarena:
        result = results[row["model_name"], row["category"]]
        assert (result["score"], result["unit"]) == (row["rating"], "elo")
        assert (result["lower"], result["upper"]) == (row["rating_lower"], row["rating_upper"])
        # The published bounds are 1.96 standard errors away.
        assert result["stderr"] == pytest.approx(
            (result["upper"] - result["score"]) / 1.96, rel=0.01
        )
        assert result["n"] == row["vote_count"]
        assert result["dataset_version"] == "2026-08-19"
        if column := columns.get(row["category"]):
            assert models[row["model_name"]][column] == row["rating"]
        assert models[row["model_name"]]["is_open_weights"] is (row["license"] != "Proprietary")


def test_lmarena_as_json_reads_as_parquet_does(facts: Facts) -> None:
    as_json = _parse(LMARENA, list(facts.lmarena))
    as_parquet = _parse(LMARENA, leaderboard_parquet(facts.lmarena))
    assert as_json.content_hash() == as_parquet.content_hash()


# structure ----------------------------------------------------------------------------------

NO_PAGES: dict[str, object] = {
    "HTML": b"<!doctype html><html><body>back soon</body></html>",
    "HTML after blanks": b"\n\n  <html></html>",
    "nothing": b"",
    "text": b"service unavailable",
    "no UTF-8": b'{"data": "\xff\xfe\xfa"}',
    "null": None,
    "a number": 5,
    "a text": "data",
    "an empty list": [],
    "an empty mapping": {},
    "a list of numbers": [1, 2, 3],
    "an error": {"error": "internal", "details": {}},
    "deep lists": b"[" * 100_000,
    "deep mappings": b'{"data":' * 100_000,
    "half a Parquet file": b"PAR1" + bytes(40),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", NO_PAGES)
def test_what_is_no_page_is_refused(source: str, kind: str) -> None:
    reason = _refusal(source, NO_PAGES[kind])
    assert ("HTML" in reason) is ("HTML" in kind)


@pytest.mark.parametrize("source", SOURCES)
def test_a_pull_without_pages_is_refused(source: str) -> None:
    assert "pages" in _refusal(source)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_cut_page_is_refused(facts: Facts, source: str, share: float) -> None:
    body = _page(_body(source, facts)).body
    _refusal(source, body[: int(len(body) * share)])


@pytest.mark.parametrize("source", SOURCES)
def test_a_list_without_models_is_refused(facts: Facts, source: str) -> None:
    _refusal(source, _body(source, EmptyList().change(facts, source)))


@pytest.mark.parametrize("source", SOURCES)
def test_renamed_fields_are_refused_by_name(facts: Facts, source: str) -> None:
    reason = _refusal(source, _body(source, RenamedFields().change(facts, source)))
    assert "renamed" in reason


@pytest.mark.parametrize("source", SOURCES)
def test_each_required_path_is_required(facts: Facts, source: str) -> None:
    for path in _source(source).required:
        top, _, last = path.rpartition(".")

        def rename(row: Row, top: str = top, last: str = last) -> Row:
            holder = row.get(top, {}) if top else row
            holder[f"{last}_v2"] = holder.pop(last, None)
            return row

        assert path in _refusal(source, _body(source, facts.changed(source, rename)))


def test_a_field_that_a_few_records_lack_is_no_structure(facts: Facts) -> None:
    kept = iter(range(1000))

    def drop(row: Row) -> Row:
        if next(kept) % 3 == 0:
            row.pop("cost")
        return row

    parsed = _parse(MODELS_DEV, facts.changed(MODELS_DEV, drop).models_dev)
    assert parsed.bad_values == {}
    assert sum(row["price_input_per_1m"] is None for row in parsed.models) >= 4


@pytest.mark.parametrize(
    "versions", [(4.1, 4.3), (4.1, None), (None, 4.1), ("4.1", "4.1\n"[:3] + "b")]
)
def test_pages_of_several_index_versions_are_refused(
    facts: Facts, versions: tuple[object, object]
) -> None:
    rows = facts.artificial_analysis
    first = _envelope(rows[:10], has_more=True, version=versions[0])
    assert "versions" in _refusal(AA, first, _envelope(rows[10:], version=versions[1]))


@pytest.mark.parametrize("version", [None, {}, [], True, "", "\n", float("nan")])
def test_the_current_shape_names_its_index_version(facts: Facts, version: object) -> None:
    reason = _refusal(AA, _envelope(facts.artificial_analysis, version=version))
    assert "intelligence_index_version" in reason


@pytest.mark.parametrize(
    ("version", "text"), [(4.1, "4.1"), (5, "5"), (5.0, "5"), ("4.1b", "4.1b")]
)
def test_an_index_version_has_one_spelling(facts: Facts, version: object, text: str) -> None:
    parsed = _parse(AA, _envelope(facts.artificial_analysis, version=version))
    assert parsed.index_version == text


def test_a_pull_whose_last_page_says_more_is_cut_short(facts: Facts) -> None:
    assert "cut short" in _refusal(AA, _envelope(facts.artificial_analysis, has_more=True))


def test_a_page_two_that_is_no_page_refuses_the_pull(facts: Facts) -> None:
    first = _envelope(facts.artificial_analysis, has_more=True)
    assert "page-2" in _refusal(AA, first, b"<html>")


class _Pages:
    """Answers page after page, as the client of a pull would."""

    def __init__(self, body_of: Callable[[int], object]) -> None:
        self.body_of = body_of
        self.asked: list[int] = []

    def get(self, name: str, *, params: dict[str, int]) -> RawPage:
        self.asked.append(params["page"])
        return _page(self.body_of(params["page"]), name)


@pytest.mark.parametrize(
    ("body_of", "asked"),
    [
        (lambda page: _envelope([{"id": page}], has_more=page < 3), 3),
        (lambda page: _envelope([{"id": 1}], has_more=True), 2),
        (lambda page: _envelope([], has_more=True), 1),
        (lambda page: _envelope([{"id": 1}], has_more="yes"), 1),
        (lambda page: b"<html>", 1),
        (lambda page: {"data": [{"id": 1}]}, 1),
    ],
    ids=["three pages", "the same page for ever", "empty", "has_more of no kind", "HTML", "legacy"],
)
def test_paging_ends(body_of: Callable[[int], object], asked: int) -> None:
    pages = _Pages(body_of)
    fetched = publisher(AA).fetch(pages, _source(AA))  # type: ignore[arg-type]
    assert pages.asked == list(range(1, asked + 1))
    assert [page.name for page in fetched] == [f"page-{n:03d}.json" for n in pages.asked]


def test_more_pages_than_allowed_fail_the_pull() -> None:
    pages = _Pages(lambda page: _envelope([{"id": page}], has_more=True))
    with pytest.raises(Exception, match="max_pages"):
        publisher(AA).fetch(pages, _source(AA).model_copy(update={"max_pages": 3}))  # type: ignore[arg-type]
    assert pages.asked == [1, 2, 3]


def test_a_leaderboard_that_unpacks_to_too_much_is_refused(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec_pipeline.sources.lmarena._MAX_ROWS", len(facts.lmarena) - 1)
    assert "more than" in _refusal(LMARENA, leaderboard_parquet(facts.lmarena))


# cells --------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_bad_cells_are_null_and_counted(facts: Facts, source: str) -> None:
    good = _parse(source, _body(source, facts))
    bad = _parse(source, _body(source, BadCells(3).change(facts, source)))
    expected = {
        AA: {"quality_index": 1, "price_input_per_1m": 1, "price_output_per_1m": 1},
        MODELS_DEV: {"context_window": 1, "price_input_per_1m": 1, "price_output_per_1m": 1},
        LMARENA: {"score": 3},
    }
    assert bad.bad_values == expected[source]
    assert len(bad.models) == len(good.models)
    changed = [
        (name, before.get(name), after.get(name))
        for before, after in zip(good.models, bad.models, strict=True)
        for name in before
        if before.get(name) != after.get(name)
    ]
    assert all(after is None for _, _, after in changed)


def test_bad_cells_of_the_legacy_shape_are_null_and_counted(facts: Facts) -> None:
    parsed = _parse(AA, _body(AA, BadCells(3).change(facts, AA), legacy=True))
    assert parsed.bad_values == {
        "quality_index": 1,
        "price_input_per_1m": 1,
        "price_output_per_1m": 1,
    }


BAD_NUMBERS: tuple[object, ...] = (
    -2.5,
    "5",
    "n/a",
    "",
    True,
    False,
    [],
    {},
    [5],
    float("nan"),
    float("inf"),
    float("-inf"),
    1e300,
    10**400,
)


def _with(row: Row, path: str, value: object) -> Row:
    top, _, last = path.rpartition(".")
    (row[top] if top else row)[last] = value
    return row


def _one_cell(facts: Facts, source: str, path: str, value: object) -> tuple[ParsedPull, Any]:
    """The pull with one cell of its first model changed, and that model."""
    first = iter([True])
    changed = facts.changed(
        source, lambda row: _with(row, path, value) if next(first, False) else row
    )
    parsed = _parse(source, _json_of(_body(source, changed)))
    return parsed, parsed.models[0]


def _json_of(body: object) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("source", "path", "column"),
    [
        (AA, "pricing.price_1m_input_tokens", "price_input_per_1m"),
        (AA, "performance.median_output_tokens_per_second", "output_tokens_per_s"),
        (AA, "evaluations.artificial_analysis_coding_index", "coding_index"),
        (MODELS_DEV, "cost.output", "price_output_per_1m"),
        (MODELS_DEV, "limit.context", "context_window"),
    ],
)
def test_no_number_is_null_and_counted(
    facts: Facts, source: str, path: str, column: str, value: object
) -> None:
    parsed, model = _one_cell(facts, source, path, value)
    assert model[column] is None
    assert parsed.bad_values == {column: 1}


def test_more_digits_than_a_number_has_spoil_one_cell_not_the_page(facts: Facts) -> None:
    body = _json_of(_envelope(facts.artificial_analysis))
    price = facts.artificial_analysis[0]["pricing"]["price_1m_input_tokens"]
    key = '"price_1m_input_tokens": '
    body = body.replace(f"{key}{price}".encode(), f"{key}{'9' * 6000}".encode(), 1)
    assert _parse(AA, body).bad_values == {"price_input_per_1m": 1}


@pytest.mark.parametrize("value", [None, -1, -1.0])
@pytest.mark.parametrize(
    ("source", "path", "column"),
    [
        (AA, "pricing.price_1m_input_tokens", "price_input_per_1m"),
        (MODELS_DEV, "limit.context", "context_window"),
    ],
)
def test_unknown_is_null_and_no_fault(
    facts: Facts, source: str, path: str, column: str, value: object
) -> None:
    parsed, model = _one_cell(facts, source, path, value)
    assert model[column] is None
    assert parsed.bad_values == {}


@pytest.mark.parametrize(
    ("value", "expected", "bad"),
    [
        ("2025-04-01", date(2025, 4, 1), 0),
        ("2025-04-01T10:00:00Z", date(2025, 4, 1), 0),
        ("2025-04", None, 0),
        ("2025", None, 0),
        ("", None, 0),
        (None, None, 0),
        ("2025-04-31", None, 1),
        ("2025-13", None, 1),
        ("April 2025", None, 1),
        ("20250401", None, 1),
        (20250401, None, 1),
    ],
)
def test_a_part_of_a_date_is_a_day_not_known(
    facts: Facts, value: object, expected: date | None, bad: int
) -> None:
    parsed, model = _one_cell(facts, MODELS_DEV, "release_date", value)
    assert model["release_date"] == expected
    assert sum(parsed.bad_values.values()) == bad


@pytest.mark.parametrize(("value", "expected"), [(4096.0, 4096), (4096.5, None), (0, None)])
def test_tokens_are_whole(facts: Facts, value: float, expected: int | None) -> None:
    parsed, model = _one_cell(facts, MODELS_DEV, "limit.context", value)
    assert model["context_window"] == expected
    assert type(model["context_window"]) is type(expected)
    assert bool(parsed.bad_values) is (value == 4096.5)


def test_control_characters_are_left_out(facts: Facts) -> None:
    first = copy.deepcopy(facts.artificial_analysis[0])
    first["name"] = " Claude\x00 \x1b[31mOpus\u202e\ud800 \n"
    first["model_creator"]["name"] = "\t"
    parsed = _parse(AA, _json_of(_envelope([first, *facts.artificial_analysis[1:]])))
    assert parsed.models[0]["model_name"] == "Claude [31mOpus"
    assert parsed.models[0]["creator"] is None


@pytest.mark.parametrize("missing", [None, "", "\x00", 5, ["a"]])
def test_records_without_an_id_are_left_out_and_counted(facts: Facts, missing: object) -> None:
    rows = [copy.deepcopy(row) for row in facts.artificial_analysis]
    for row in rows[:3]:
        row["id"] = missing
    parsed = _parse(AA, _envelope(rows))
    assert len(parsed.models) == len(rows) - 3
    assert parsed.bad_values == {"source_model_id": 3}
    arena = [dict(row, model_name=missing) if n < 3 else row for n, row in enumerate(facts.lmarena)]
    assert _parse(LMARENA, arena).bad_values == {"source_model_id": 3}


def test_a_pull_in_which_no_model_has_an_id_is_refused(facts: Facts) -> None:
    for count in (1, 20):
        rows = [{**row, "id": None} for row in facts.artificial_analysis[:count]]
        assert "id" in _refusal(AA, _envelope(rows))
        arena = [{**row, "model_name": None} for row in facts.lmarena[:count]]
        _refusal(LMARENA, arena)


def test_a_column_that_is_mostly_bad_refuses_the_pull(facts: Facts) -> None:
    def in_words(row: Row) -> Row:
        row["cost"]["input"] = f"${row['cost']['input']}"
        return row

    reason = _refusal(MODELS_DEV, facts.changed(MODELS_DEV, in_words).models_dev)
    assert reason.startswith("price_input_per_1m: ")


def test_a_seldom_column_that_is_bad_does_not_refuse_the_pull(facts: Facts) -> None:
    rows = [copy.deepcopy(row) for row in facts.artificial_analysis]
    for number, row in enumerate(rows):
        agentic = "n/a" if number < 3 else None
        row["evaluations"]["artificial_analysis_agentic_index"] = agentic
    assert _parse(AA, _envelope(rows)).bad_values == {"agentic_index": 3}


def test_models_listed_on_two_pages_are_one(facts: Facts) -> None:
    rows = facts.artificial_analysis
    parsed = _parse(AA, _envelope(rows[:12], has_more=True), _envelope(rows[10:]))
    assert len(parsed.models) == len(rows)
    assert parsed.content_hash() == _parse(AA, _envelope(rows)).content_hash()


def test_two_spellings_of_an_offering_are_one(facts: Facts) -> None:
    catalogue = copy.deepcopy(facts.models_dev)
    models = catalogue["anthropic"]["models"]
    (name, model), *_ = models.items()
    models[f"{name}\x00"] = model
    assert (
        _parse(MODELS_DEV, catalogue).content_hash()
        == _parse(MODELS_DEV, facts.models_dev).content_hash()
    )


# unknown and free ---------------------------------------------------------------------------


def test_zero_means_unknown_where_the_publisher_writes_it_so(facts: Facts) -> None:
    facts = Facts.invented(60)
    for legacy in (False, True):
        before = _parse(AA, _body(AA, facts, legacy=legacy))
        after = _parse(AA, _body(AA, ZeroForUnknown().change(facts, AA), legacy=legacy))
        assert after.content_hash() == before.content_hash()
        assert any(row["price_input_per_1m"] is None for row in after.models)
        assert not any(row["is_free"] for row in after.models)
    limits = _parse(MODELS_DEV, _body(MODELS_DEV, ZeroForUnknown().change(facts, MODELS_DEV)))
    assert {row["context_window"] for row in limits.models} == {None}
    assert {row["max_output_tokens"] for row in limits.models} == {None}
    votes = _parse(LMARENA, _body(LMARENA, ZeroForUnknown().change(facts, LMARENA)))
    assert {(row["n"], row["stderr"]) for row in votes.benchmarks} == {(None, None)}
    assert limits.bad_values == votes.bad_values == {}


@pytest.mark.parametrize(
    ("price_input", "price_output", "expected"),
    [
        (0, 0, (0.0, 0.0, True)),
        (0.0, -0.0, (0.0, 0.0, True)),
        (0, 2.5, (None, 2.5, False)),
        (0.13, 0, (0.13, None, False)),
        (None, None, (None, None, None)),
        (0, None, (None, None, None)),
        (-1, -1, (None, None, None)),
        (0, "free", (None, None, None)),
    ],
)
def test_free_is_zero_for_both_prices(
    facts: Facts, price_input: object, price_output: object, expected: tuple[object, ...]
) -> None:
    cost = {"input": price_input, "output": price_output}
    _, model = _one_cell(facts, MODELS_DEV, "cost", cost)
    assert (model["price_input_per_1m"], model["price_output_per_1m"], model["is_free"]) == expected
    assert str(model["price_output_per_1m"]) != "-0.0"


@pytest.mark.parametrize(
    ("is_served", "has_nulls", "is_free"),
    [(True, True, True), (False, True, None), (True, False, None)],
)
def test_a_model_is_free_where_it_is_served_and_unknown_is_null(
    facts: Facts, is_served: bool, has_nulls: bool, is_free: bool | None
) -> None:
    rows = [copy.deepcopy(row) for row in facts.artificial_analysis]
    for row in rows:
        for name in ("price_1m_input_tokens", "price_1m_output_tokens"):
            row["pricing"][name] = row["pricing"][name] or 1.0
    if has_nulls:
        rows[1]["pricing"] = dict.fromkeys(rows[1]["pricing"])
    rows[0]["pricing"] |= {"price_1m_input_tokens": 0, "price_1m_output_tokens": 0}
    rows[0]["performance"]["median_output_tokens_per_second"] = 80 if is_served else None
    free = _parse(AA, _envelope(rows)).models[0]
    assert free["is_free"] is is_free
    assert free["price_input_per_1m"] == (0.0 if is_free else None)


def test_deprecated_is_what_the_publisher_marks(facts: Facts) -> None:
    for status, expected in (("deprecated", True), ("beta", False), (None, False), ([], False)):
        _, model = _one_cell(facts, MODELS_DEV, "status", status)
        assert model["is_deprecated"] is expected


@pytest.mark.parametrize(
    ("licence", "expected"),
    [("Proprietary", False), ("proprietary", False), ("-", False), ("MIT", True), (None, None)],
)
def test_a_licence_tells_whether_weights_are_open(
    facts: Facts, licence: str | None, expected: bool | None
) -> None:
    rows = [{**row, "license": licence} for row in facts.lmarena]
    assert {row["is_open_weights"] for row in _parse(LMARENA, rows).models} == {expected}


def test_arena_cells_that_are_missing_are_no_fault(facts: Facts) -> None:
    names = ("variance", "vote_count", "rating_lower", "rating_upper", "leaderboard_publish_date")
    for change in (dict.fromkeys(names), None):
        rows = [
            {**row, **change} if change else {k: v for k, v in row.items() if k not in names}
            for row in facts.lmarena
        ]
        parsed = _parse(LMARENA, rows)
        assert parsed.bad_values == {}
        assert {row["stderr"] for row in parsed.benchmarks} == {None}
        assert {row["dataset_version"] for row in parsed.benchmarks} == {None}
    spoiled = [dict(row, variance=-3.0) if n < 2 else row for n, row in enumerate(facts.lmarena)]
    assert _parse(LMARENA, spoiled).bad_values == {"stderr": 2}


# content ------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_content_does_not_depend_on_order_or_address(facts: Facts, source: str) -> None:
    dice = random.Random(5)
    usual = _parse(source, _body(source, facts)).content_hash()
    rows = list(facts.artificial_analysis)
    arena = [*facts.lmarena, {**facts.lmarena[0], "license": "MIT", "rating": 1.0}]
    catalogue = list(facts.models_dev.items())
    for shuffled in (rows, arena, catalogue):
        dice.shuffle(shuffled)
    moved = {
        AA: lambda: _envelope(rows),
        MODELS_DEV: lambda: dict(catalogue),
        LMARENA: lambda: leaderboard_parquet(tuple(row for row in arena if row["rating"] != 1.0)),
    }[source]()
    page = _page(moved, "other.json", "http://127.0.0.1:9/mirror?x=1")
    parsed = publisher(source).parse([page], _source(source))
    assert parsed.content_hash() == usual
    assert parsed.models[0]["source_url"] == "http://127.0.0.1:9/mirror"


def test_rows_that_contradict_each_other_are_settled_in_one_way(facts: Facts) -> None:
    twice = [*facts.lmarena, {**facts.lmarena[0], "license": "MIT", "rating": 1.0}]
    hashes = set()
    for seed in range(4):
        random.Random(seed).shuffle(twice)
        hashes.add(_parse(LMARENA, twice).content_hash())
    assert len(hashes) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_content_moves_with_every_value(facts: Facts, source: str) -> None:
    usual = _parse(source, _body(source, facts)).content_hash()
    assert _parse(source, _body(source, facts.next_day())).content_hash() != usual
    fewer = facts.without(source, facts.models(source)[3])
    assert _parse(source, _body(source, fewer)).content_hash() != usual


# arbitrary JSON -----------------------------------------------------------------------------

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2026-01-01", "Proprietary", "overall", "coding", "4.1"])
)
_KEYS = st.sampled_from(
    sorted(
        {
            part
            for source in SOURCES
            for rule in load_settings({}).sources[source].fields.values()
            for part in rule.path.split(".")
        }
        | {"id", "name", "data", "models", "pagination", "has_more", "model_name", "category"}
        | {"rating", "variance", "vote_count", "license", "intelligence_index_version", "status"}
        | {"artificial_analysis_intelligence_index", "evaluations", "model_creator"}
    )
) | st.text(max_size=4)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=25,
)


def _parses_or_refuses(source: str, body: object, config: SourceSettings) -> None:
    try:
        parsed = publisher(source).parse([_page(body)], config)
    except InvalidStructure:
        return
    _require_clean(parsed)


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=_JSON, strict=st.booleans())
def test_arbitrary_json_is_parsed_or_refused(source: str, body: object, strict: bool) -> None:
    config = _source(source)
    if not strict:
        config = config.model_copy(update={"required": (), "legacy_required": ()})
    shaped = {AA: {"data": [body]}, MODELS_DEV: {"host": {"models": {"m": body}}}, LMARENA: [body]}
    _parses_or_refuses(source, body, config)
    _parses_or_refuses(source, shaped[source], config)


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_page_spoiled_in_one_place_is_parsed_or_refused(source: str, data: st.DataObject) -> None:
    facts = Facts.invented(6)
    body = list(facts.lmarena[:30]) if source == LMARENA else _body(source, facts)
    body = json.loads(json.dumps(body))
    holder: Any = body
    for _ in range(data.draw(st.integers(0, 4))):
        places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        inner = [place for place in places if isinstance(holder[place], (dict, list))]
        if not inner:
            break
        holder = holder[data.draw(st.sampled_from(inner))]
    places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    if places:
        holder[data.draw(st.sampled_from(places))] = data.draw(_JSON)
    _parses_or_refuses(source, body, _source(source))


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"PAR1" + tail))
def test_arbitrary_bytes_are_refused(source: str, body: bytes) -> None:
    with pytest.raises(InvalidStructure):
        publisher(source).parse([_page(body)], _source(source))


# fixture ------------------------------------------------------------------------------------


def test_the_fixture_is_read_by_the_same_parsers() -> None:
    fixture = Fixture(_settings().locations.fixture, _settings())
    assert set(fixture.sources()) == {MODELS_DEV, LMARENA}
    bundled = json.loads(_settings().locations.fixture.read_bytes())["sources"]
    for source in fixture.sources():
        parsed = fixture.parsed(source)
        _require_clean(parsed)
        assert fixture.parsed(source) is parsed
        assert parsed.bad_values == {}
        assert len(parsed.models) >= 60
        assert fixture.observed_at(source).tzinfo is not None
        assert parsed.models[0]["source_url"] == bundled[source]["url"]
        assert fixture.parser_version(source) == publisher(source).PARSER_VERSION


def test_a_source_that_may_not_be_bundled_is_not_served_from_the_fixture(tmp_path: Path) -> None:
    entry = {"observed_at": "2026-01-01T00:00:00Z", "url": ASKED, "body": {}}
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps({"sources": {AA: entry, "unheard_of": entry}}), "utf-8")
    assert Fixture(path, _settings()).sources() == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"sources": 5}',
        b'{"sources": {"models_dev": 5}}',
        b'{"sources": {"models_dev": {"url": "u", "body": {}}}}',
        b'{"sources": {"models_dev": {"url": "u", "body": {}, "observed_at": "today"}}}',
    ],
)
def test_a_spoiled_fixture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fixture.json"
    path.write_bytes(content)
    with pytest.raises(FixtureError, match=r"fixture\.json: .*restore it from git"):
        Fixture(path, _settings())


def test_a_fixture_of_another_structure_is_named(tmp_path: Path) -> None:
    entry = {"observed_at": "2026-01-01T00:00:00Z", "url": ASKED, "body": {"x": 1}}
    path = tmp_path / "fixture.json"
    path.write_text(json.dumps({"sources": {MODELS_DEV: entry}}), "utf-8")
    with pytest.raises(FixtureError, match=r"models_dev: .*no provider has models"):
        Fixture(path, _settings()).parsed(MODELS_DEV)


def test_the_fixture_is_a_part_of_the_project() -> None:
    assert _settings().locations.fixture.is_relative_to(PROJECT_ROOT)


# recordings ---------------------------------------------------------------------------------


def _known(parsed: ParsedPull) -> Counter[str]:
    return Counter(
        name for row in parsed.models for name, value in row.items() if value is not None
    )


def test_recorded_artificial_analysis(recordings: Path) -> None:
    facts = Facts.recorded(recordings)
    parsed = _parse(AA, _envelope(facts.artificial_analysis, version=facts.index_version))
    known = _known(parsed)
    assert (len(parsed.models), parsed.bad_values, parsed.index_version) == (60, {}, "4.1")
    assert (known["quality_index"], known["coding_index"], known["agentic_index"]) == (60, 13, 5)
    assert (known["output_tokens_per_s"], known["price_input_per_1m"]) == (31, 45)
    assert sum(bool(row["is_free"]) for row in parsed.models) == 2
    assert len(parsed.benchmarks) == 78


def test_recorded_artificial_analysis_newest_version(recordings: Path) -> None:
    (path,) = (recordings / AA).glob("current_free_sample_6_rows_*.json")
    envelope = json.loads(path.read_bytes())
    assert "cut short" in _refusal(AA, envelope)
    envelope["pagination"]["has_more"] = False
    parsed = _parse(AA, envelope)
    assert (len(parsed.models), parsed.bad_values, parsed.index_version) == (6, {}, "4.3")
    assert len({row["benchmark_name"] for row in parsed.benchmarks}) == 9


def test_recorded_artificial_analysis_legacy(recordings: Path) -> None:
    parsed = _parse(AA, _body(AA, Facts.recorded(recordings), legacy=True))
    known = _known(parsed)
    assert (len(parsed.models), parsed.bad_values, parsed.index_version) == (40, {}, None)
    assert (known["math_index"], known["reasoning_index"]) == (24, 39)
    assert (known["output_tokens_per_s"], known["price_input_per_1m"]) == (10, 23)
    for column in ("output_tokens_per_s", "ttft_s", "price_input_per_1m", "price_output_per_1m"):
        assert 0 not in {row[column] for row in parsed.models}


def test_recorded_models_dev(recordings: Path) -> None:
    parsed = _parse(MODELS_DEV, Facts.recorded(recordings).models_dev)
    known = _known(parsed)
    assert (len(parsed.models), parsed.bad_values) == (101, {})
    assert (known["price_input_per_1m"], known["price_output_per_1m"]) == (95, 91)
    assert (known["context_window"], known["release_date"]) == (93, 94)
    assert sum(row["is_deprecated"] for row in parsed.models) == 10
    assert 0 not in {row["price_output_per_1m"] for row in parsed.models}


def test_recorded_lmarena(recordings: Path) -> None:
    (path,) = (recordings / LMARENA).glob("*.parquet")
    parsed = _parse(LMARENA, path.read_bytes())
    known = _known(parsed)
    assert (len(parsed.models), len(parsed.benchmarks), parsed.bad_values) == (393, 10_359, {})
    assert (known["quality_index"], known["coding_index"], known["math_index"]) == (393, 388, 377)
    assert len({row["category"] for row in parsed.benchmarks}) == 29
    for row in parsed.benchmarks:
        assert row["lower"] <= row["score"] <= row["upper"]
        assert row["stderr"] == pytest.approx((row["upper"] - row["lower"]) / 2 / 1.96, rel=0.02)
    served = leaderboard_parquet(Facts.recorded(recordings).lmarena)
    dated = _parse(LMARENA, served)
    assert {row["dataset_version"] for row in dated.benchmarks} == {"2026-08-19"}
