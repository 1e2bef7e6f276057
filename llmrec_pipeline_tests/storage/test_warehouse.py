"""The warehouse is a function of the lake: whatever the order, the crashes and the repetitions."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.orchestration import checks
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage import loading, naming, refreshing, warehouse
from llmrec_pipeline.storage.files import sha256_of
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.judging import judge_pulls, rebases
from llmrec_pipeline.storage.loading import load
from llmrec_pipeline.storage.origins import serve
from llmrec_pipeline.storage.warehouse import WarehouseError, open_warehouse, transaction
from llmrec_pipeline_tests.storage.pulled import (
    AA,
    BUNDLED_KEYS,
    LMARENA,
    MODELS_DEV,
    OBSERVED_FIXTURE,
    DataFolder,
    Row,
    at,
    digests,
    model,
    models,
    table,
)

PULLS = "SELECT source, snapshot_ts, status, reason, rows FROM pulls ORDER BY snapshot_ts, source"
SETTINGS = load_settings({})


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", SETTINGS)


def offer(
    model_id: str, host: str = "anthropic", name: str = "Claude Opus 4.5", **values: Any
) -> Row:
    """A row of models.dev."""
    return {
        "source_model_id": f"{host}/{model_id}",
        "model_name": name,
        "host": host,
        "price_input_per_1m": 5.0,
        "price_output_per_1m": 25.0,
        "is_free": False,
        "context_window": 200_000,
        "max_output_tokens": 64_000,
        "is_deprecated": False,
        **values,
    }


def claude(variant: str = "", row_id: str = "opus", **values: Any) -> Row:
    """A row of Artificial Analysis."""
    name = f"Claude Opus 4.5 ({variant})" if variant else "Claude Opus 4.5"
    return model(0, source_model_id=row_id, model_name=name, creator="Anthropic", **values)


RESULT = {
    "source_model_id": "id-001",
    "model_name": "Invented 1",
    "benchmark_name": "invented",
    "category": "overall",
    "score": 0.5,
    "unit": "fraction",
}
OPUS, OPUS_THINKING = "anthropic/claude-opus-4-5", "anthropic/claude-opus-4-5:thinking"


# loading ----------------------------------------------------------------------------------------


def test_loading_twice_changes_nothing(folder: DataFolder) -> None:
    for number in range(3):
        folder.land(AA, at(number), models(10, first=number))
    with folder.open() as con:
        first = load(con, folder.lake)
        judge_pulls(con, folder.settings)
        before = [table(con, name) for name in ("bronze_models", "pull_records", "pulls")]
        second = load(con, folder.lake)
        judge_pulls(con, folder.settings)
        after = [table(con, name) for name in ("bronze_models", "pull_records", "pulls")]
    assert (first.pulls, first.rows) == (3, 30)
    assert (second.pulls, second.rows) == (0, 0)
    assert all(a.equals(b) for a, b in zip(before, after, strict=True))


def test_loading_takes_only_what_is_new(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.rows(PULLS, at(0))
    folder.land(AA, at(1), models(11))
    folder.land(AA, at(2), models(11))
    with folder.open() as con:
        loaded = load(con, folder.lake)
    assert (loaded.pulls, loaded.rows) == (2, 11)


def test_a_repeated_log_line_is_one_pull(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    (log,) = folder.lake.logs(AA)
    log.write_bytes(log.read_bytes() * 2)
    assert len(folder.rows(PULLS, at(0))) == 1
    log.write_bytes(log.read_bytes() * 2)
    assert len(folder.rows(PULLS, at(0))) == 1
    assert folder.rows("SELECT count(*) AS n FROM bronze_models")[0]["n"] == 10


@pytest.mark.parametrize(
    "part_of_the_load", ["pull_records", "bronze_models", "bronze_benchmarks", "measures_held"]
)
def test_a_load_killed_in_the_middle_leaves_nothing(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, part_of_the_load: str
) -> None:
    benchmark = {
        "source_model_id": "id-000",
        "benchmark_name": "board",
        "category": "overall",
        "score": 1.0,
        "unit": "elo",
    }
    folder.land(AA, at(0), models(10), benchmarks=[benchmark])
    insert = loading.insert_frame

    def die(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
        insert(con, name, frame)
        if name == part_of_the_load:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loading, "insert_frame", die)
        with folder.open() as con, pytest.raises(KeyboardInterrupt):
            load(con, folder.lake)
    for name in (
        *("bronze_models", "bronze_benchmarks", "measures_held"),
        *("pull_records", "contents", "log_offsets"),
    ):
        assert folder.rows(f"SELECT * FROM {name}") == []
    assert [row["status"] for row in folder.rows(PULLS, at(0))] == ["accepted"]


def test_a_process_that_ends_between_loading_and_judging_leaves_no_pull_out(
    folder: DataFolder,
) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(11))
    with folder.open() as con:
        load(con, folder.lake)
    folder.land(AA, at(2), models(12))
    assert [row["status"] for row in folder.rows(PULLS, at(2))] == ["accepted"] * 3


def test_judging_and_deriving_are_all_or_nothing(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.land(AA, at(0), models(10))
    before = folder.digests(at(0))
    folder.land(AA, at(1), models(11))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("llmrec_pipeline.storage.judging.insert_frame", die)
        with folder.open() as con, pytest.raises(KeyboardInterrupt):
            folder.load(con, at(1))
    with folder.open() as con:
        assert digests(con) == before
    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "serve", die)
        with folder.open() as con:
            refreshing.load_bronze(con, folder.settings, folder.lake)
            names = table(con, "resolved_names")
            with pytest.raises(KeyboardInterrupt):
                refreshing.derive_silver(con, folder.settings, at(1), folder.fixture)
            assert table(con, "resolved_names").equals(names)
    assert len(folder.latest(at(1))) == 11 + 3


def test_a_first_load_in_many_parts_goes_on_where_it_was_killed(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_PULLS_AT_ONCE", 2)
    for number in range(7):
        folder.land(AA, at(number), models(10, first=number))
    insert, parts = loading.insert_frame, iter(range(100))

    def die(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
        if name == "bronze_models" and next(parts) == 2:
            raise KeyboardInterrupt
        insert(con, name, frame)

    with monkeypatch.context() as patch:
        patch.setattr(loading, "insert_frame", die)
        with folder.open() as con, pytest.raises(KeyboardInterrupt):
            load(con, folder.lake)
    assert len(folder.rows("SELECT * FROM pull_records")) == 4
    resumed = folder.digests(at(6))
    folder.warehouse.unlink()
    assert folder.digests(at(6)) == resumed


def test_a_missing_bronze_file_is_named(folder: DataFolder) -> None:
    landing = folder.land(AA, at(0), models(10))
    path = folder.lake.bronze / AA / str(landing.record.bronze)
    path.unlink()
    with folder.open() as con, pytest.raises(WarehouseError) as raised:
        load(con, folder.lake)
    assert str(raised.value).startswith(f"{path}: recorded in the pull log but missing")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "damage",
    ["cut", "garbage", "empty", "of another pull", "fewer rows", "another value", "no results"],
)
def test_a_damaged_bronze_file_is_named_and_nothing_is_loaded(
    folder: DataFolder, damage: str
) -> None:
    good = folder.land(AA, at(0), models(10))
    bad = folder.land(AA, at(1), models(11), benchmarks=[RESULT])
    good_path, path = (
        folder.lake.bronze / AA / str(landing.record.bronze) for landing in (good, bad)
    )
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "garbage":
        path.write_bytes(b"PAR1" + b"\x00" * 500 + b"PAR1")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "of another pull":
        path.write_bytes(good_path.read_bytes())
    elif damage == "fewer rows":
        pl.read_parquet(path).head(3).write_parquet(path)
    elif damage == "another value":
        pl.read_parquet(path).with_columns(pl.lit(99.0).alias("quality_index")).write_parquet(path)
    else:
        path = path.with_name(path.name.replace("models_snapshot", "benchmark_results"))
        path.unlink()
    with folder.open() as con:
        with pytest.raises(WarehouseError) as raised:
            load(con, folder.lake)
        assert table(con, "bronze_models").is_empty()
    told = "recorded in the pull log but missing" if damage == "no results" else "damaged: "
    assert str(raised.value).startswith(f"{path}: {told}")
    assert "\n" not in str(raised.value)


def test_a_content_that_no_bronze_file_holds_is_named(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(10))
    (log,) = folder.lake.logs(AA)
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[1])
    with folder.open() as con, pytest.raises(WarehouseError, match="no bronze file holds"):
        folder.load(con, at(1))


def test_a_column_that_an_older_parser_did_not_write_is_null(folder: DataFolder) -> None:
    landing = folder.land(AA, at(0), models(10))
    path = folder.lake.bronze / AA / str(landing.record.bronze)
    pl.read_parquet(path).drop("coding_index", "ttft_s").write_parquet(path)
    (log,) = folder.lake.logs(AA)
    log.write_text(log.read_text().replace(landing.record.files[path.name], sha256_of(path)))
    folder.land(AA, at(1), models(10, coding_index=3.0))
    rows = folder.rows("SELECT * FROM models_history ORDER BY snapshot_ts", at(1))
    assert [row["coding_index"] for row in rows] == [None] * 10 + [3.0] * 10


# pulls ------------------------------------------------------------------------------------------


def test_an_unchanged_pull_moves_only_when_its_source_was_seen(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    before = folder.digests(at(0))
    folder.land(AA, at(1), models(10))
    after = folder.digests(at(1))
    assert [row["status"] for row in folder.rows(PULLS)] == ["accepted", "unchanged"]
    assert {name for name in before if before[name] != after[name]} == {"pulls"}
    serving = folder.rows("SELECT * FROM serving WHERE source = 'artificial_analysis'")[0]
    assert (serving["snapshot_ts"], serving["verified_at"]) == (at(0), at(1))


def test_a_quarantined_pull_reaches_nothing_and_the_accepted_one_serves_on(
    folder: DataFolder,
) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(3, quality_index=99.0) + models(1, first=50))
    latest = folder.latest(at(1))
    pulls = folder.rows(PULLS)
    assert [row["status"] for row in pulls] == ["accepted", "quarantined"]
    assert "7 of 10 models are missing" in pulls[1]["reason"]
    assert len(folder.rows("SELECT * FROM bronze_models")) == 14
    for name in ("silver_models", "models_history", "models_latest", "model_identity_map"):
        rows = folder.rows(f"SELECT * FROM {name}")
        assert not any("50" in str(row.get("model_name")) for row in rows), name
        assert not any(row.get("quality_index") == 99.0 for row in rows), name
    assert latest["laboratory/invented-9"]["listed"] is True
    assert {row["snapshot_ts"] for row in folder.rows("SELECT * FROM models_history")} == {at(0)}
    serving = folder.rows("SELECT * FROM serving WHERE source = 'artificial_analysis'")[0]
    assert (serving["origin"], serving["verified_at"]) == ("live", at(0))
    assert serving["doubted_until"] == at(1) + timedelta(hours=72)


def test_a_doubted_content_that_stays_is_believed_in_the_end(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    for number in range(1, 14):
        folder.land(AA, at(number), models(3))
    latest = folder.latest(at(13))
    statuses = [row["status"] for row in folder.rows(PULLS)]
    assert statuses == ["accepted", "quarantined", *["unchanged"] * 11, "accepted"]
    assert {key for key, row in latest.items() if row["listed"] and "invented" in key} == {
        f"laboratory/invented-{number}" for number in range(3)
    }
    assert latest["laboratory/invented-9"]["last_seen"] == at(0)
    history = folder.rows("SELECT snapshot_ts, count(*) AS n FROM models_history GROUP BY 1")
    assert {row["snapshot_ts"]: row["n"] for row in history} == {at(0): 10, at(13): 3}


def test_a_late_pull_is_judged_and_all_that_follow_it(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(2), models(4))
    folder.rows(PULLS, at(2))
    assert [row["status"] for row in folder.rows(PULLS)] == ["accepted", "quarantined"]
    folder.land(AA, at(1), models(5, first=0) + models(3, first=20), landed_at=at(3))
    folder.land(AA, at(0.5), models(4), landed_at=at(3))
    statuses = [row["status"] for row in folder.rows(PULLS, at(3))]
    assert statuses == ["accepted", "quarantined", "quarantined", "quarantined"]
    folder.land(AA, at(-1), models(4), landed_at=at(4))
    rows = folder.rows(PULLS, at(4))
    assert [row["status"] for row in rows] == [
        "accepted",
        "accepted",
        "quarantined",
        "quarantined",
        "quarantined",
    ]
    assert rows[0]["snapshot_ts"] == at(-1)


def test_other_thresholds_judge_all_pulls_anew(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(7))
    assert [row["status"] for row in folder.rows(PULLS, at(1))][1] == "quarantined"
    lenient = folder.settings.pipeline.model_copy(
        update={
            "acceptance": folder.settings.pipeline.acceptance.model_copy(
                update={"max_lost_share": 0.5}
            )
        }
    )
    folder.settings = folder.settings.model_copy(update={"pipeline": lenient})
    assert [row["status"] for row in folder.rows(PULLS, at(1))] == ["accepted", "accepted"]


def test_other_code_judges_all_pulls_anew(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.land(AA, at(0), models(10))
    before = folder.digests(at(0))
    monkeypatch.setattr("llmrec_pipeline.storage.judging.code_version", lambda: "other")
    judged: list[str] = []
    monkeypatch.setattr(
        "llmrec_pipeline.storage.judging._judge_source",
        lambda _, source, *__, **___: judged.append(source),
    )
    assert folder.digests(at(0)) == before
    assert judged == [AA]


def test_a_rebase_is_noted_and_history_keeps_each_version(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10), index_version="4.1")
    folder.land(AA, at(1), models(10, coding_index=3.0) + models(9, 20), index_version="5.0")
    rows = folder.rows("SELECT rebased, index_version FROM pulls ORDER BY snapshot_ts", at(1))
    assert rows == [
        {"rebased": False, "index_version": "4.1"},
        {"rebased": True, "index_version": "5.0"},
    ]
    versions = folder.rows("SELECT DISTINCT index_version FROM models_history ORDER BY 1")
    assert [row["index_version"] for row in versions] == ["4.1", "5.0"]


def listed(folder: DataFolder, now: datetime) -> set[str]:
    """Invented models that are listed."""
    return {k for k, row in folder.latest(now).items() if row["listed"] and "invented" in k}


def test_a_partial_response_never_shows_as_a_mass_deprecation(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(30))
    before = folder.latest(at(0))
    folder.land(AA, at(4), models(20))
    assert folder.latest(at(4)) == before
    assert len(listed(folder, at(4))) == 30
    folder.land(AA, at(8), models(30, output_tokens_per_s=70.0))
    assert len(listed(folder, at(8))) == 30
    assert not any(row["last_seen"] for row in folder.latest(at(8)).values() if row["listed"])


def scaled(count: int, factor: float, moved: int | None = None) -> list[Row]:
    """Models whose quality index, of the first `moved`, is on another scale."""
    rows = models(count)
    for row in rows[:moved]:
        row["quality_index"] = round(row["quality_index"] * factor, 1)
    return rows


@pytest.mark.parametrize(("moved", "told"), [(30, "rebased: 30 of"), (9, "partly rebased: 9 of")])
def test_a_rebase_never_shows_as_a_quality_change(
    folder: DataFolder, moved: int, told: str
) -> None:
    folder.land(AA, at(0), models(30), benchmarks=[index_score(0, 20.0)])
    folder.land(AA, at(4), scaled(30, 0.6, moved), benchmarks=[index_score(0, 12.0)])
    folder.land(AA, at(8), scaled(30, 0.6, moved) + models(1, first=40))
    changes = folder.rows(
        """
        SELECT canonical_model_key FROM models_history
        GROUP BY canonical_model_key, index_version HAVING count(DISTINCT quality_index) > 1
        """,
        at(8),
    )
    assert changes == []
    version = f"inferred-{at(4):%Y-%m-%d}"
    pulls = folder.rows("SELECT * FROM pulls ORDER BY snapshot_ts")
    assert [row["index_version"] for row in pulls] == [None, version, version]
    assert [row["index_version_inferred"] for row in pulls] == [False, True, True]
    assert [row["rebased"] for row in pulls] == [False, True, False]
    assert pulls[1]["reason"].startswith(told)


def index_score(number: int, score: float) -> Row:
    """A row of benchmark results."""
    return {
        "source_model_id": f"id-{number:03d}",
        "benchmark_name": "artificial_analysis_intelligence_index",
        "category": "index",
        "score": score,
        "unit": "index",
        "verified": True,
    }


def test_everything_that_serves_carries_the_version_in_force(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(30))
    fraction = {**index_score(0, 0.5), "benchmark_name": "gpqa", "unit": "fraction"}
    folder.land(AA, at(1), scaled(30, 0.6), benchmarks=[index_score(0, 12.0), fraction])
    edition = folder.refresh(at(1))
    version = f"inferred-{at(1):%Y-%m-%d}"
    for name in ("silver_models", "measures_latest", "serving"):
        rows = folder.rows(f"SELECT DISTINCT index_version FROM {name} WHERE source = '{AA}'")
        assert rows == [{"index_version": version}], name
    scores = folder.rows("SELECT unit, index_version FROM serving_benchmarks ORDER BY unit")
    assert scores == [
        {"unit": "fraction", "index_version": None},
        {"unit": "index", "index_version": version},
    ]
    payload = edition.edition.ranking()
    assert payload["origins"][AA]["index_version"] == version
    measured = [model["measures"] for model in payload["models"] if model["measures"]]
    assert {by["quality_index"][AA]["index_version"] for by in measured} == {version}
    with folder.open() as con:
        assert list(rebases(con)) == [AA]
    folder.land(AA, at(2), scaled(30, 0.6) + models(1, first=40))
    folder.rows(PULLS, at(2))
    with folder.open() as con:
        assert rebases(con) == {}


def test_a_scale_that_is_fitted_anew_with_each_release_is_never_rebased(
    folder: DataFolder,
) -> None:
    for source in ("lmarena", "epoch"):
        folder.land(source, at(0), models(30))
        folder.land(source, at(1), scaled(30, 0.6))
    rows = folder.rows("SELECT DISTINCT status, rebased, index_version FROM pulls", at(1))
    assert rows == [{"status": "accepted", "rebased": False, "index_version": None}]
    folder.configure("epoch", infers_index_version=True)
    rows = folder.rows("SELECT source FROM pulls WHERE rebased", at(1))
    assert rows == [{"source": "epoch"}], "another switch judges all pulls anew"


def test_a_pull_that_lands_late_moves_the_rebase_to_where_it_happened(folder: DataFolder) -> None:
    versions = "SELECT index_version, rebased FROM pulls ORDER BY snapshot_ts"
    folder.land(AA, at(0), models(30))
    folder.land(AA, at(8), scaled(30, 0.6))
    assert [row["rebased"] for row in folder.rows(versions, at(8))] == [False, True]
    folder.land(AA, at(4), scaled(30, 0.6) + models(1, first=40), landed_at=at(9))
    late = f"inferred-{at(4):%Y-%m-%d}"
    assert folder.rows(versions, at(9)) == [
        {"index_version": None, "rebased": False},
        {"index_version": late, "rebased": True},
        {"index_version": late, "rebased": False},
    ]
    before = folder.rows(versions)[1:]
    folder.land(AA, at(2), models(29), landed_at=at(10))
    assert folder.rows(versions, at(10))[2:] == before, "elsewhere, nothing is renamed"


def test_a_model_dropped_by_its_publisher_is_no_longer_listed_and_no_longer_ranked(
    folder: DataFolder,
) -> None:
    folder.land(AA, at(0), models(30))
    folder.land(AA, at(1), models(29))
    edition = folder.refresh(at(1)).edition
    assert "laboratory/invented-29" not in listed(folder, at(1))
    gone = folder.latest(at(1))["laboratory/invented-29"]
    assert (gone["listed"], gone["last_seen"]) == (False, at(0))
    ranked = folder.rows("SELECT DISTINCT canonical_model_key AS key FROM task_rankings")
    assert "laboratory/invented-28" in {row["key"] for row in ranked}
    assert "laboratory/invented-29" not in {row["key"] for row in ranked}
    payload = {m["canonical_model_key"]: m for m in edition.ranking()["models"]}
    assert payload["laboratory/invented-29"]["listed"] is False


# order of arrival -------------------------------------------------------------------------------

A, B = models(9), models(10, first=1, quality_index=50.0, output_tokens_per_s=80.0)
SMALL = models(3)
C = models(9, model_name="Renamed", creator=None, release_date=None)
REBASED = [{**row, "quality_index": row["quality_index"] * 0.6} for row in A]
PARTLY = [*REBASED[:4], *({**row, "quality_index": row["quality_index"] * 0.4} for row in A[4:])]
TIMELINES = {
    "A, B, A": [(0, A), (1, B), (2, A)],
    "A, B, A and A again": [(0, A), (1, B), (2, A), (3, A)],
    "a part of the models for one day": [(0, A), (1, SMALL), (2, SMALL), (3, A)],
    "shrunk for good": [(0, A), (1, SMALL), (7, SMALL), (14, SMALL)],
    "names that change": [(0, B), (1, C), (2, B), (3, C)],
    "rebased": [(0, A), (4, REBASED), (8, PARTLY), (12, REBASED)],
    "rebased while models are missing": [(0, A), (4, REBASED[:5]), (8, REBASED), (12, A)],
}


def digests_after(
    data: Path, landings: list[tuple[float, list[Row]]], *, load_after: set[int]
) -> dict[str, str]:
    """Content after landing pulls in this order, each recorded as landing at one fixed moment,
    with loads after so many of them and at the end."""
    folder = DataFolder(data, SETTINGS)
    with folder.open() as con:
        for landed, (number, rows) in enumerate(landings, start=1):
            folder.land(AA, at(number), rows, landed_at=at(20))
            if landed in load_after:
                folder.load(con, at(20))
        folder.load(con, at(20))
        return digests(con)


@pytest.mark.parametrize("name", TIMELINES)
def test_pulls_in_any_order_give_the_same_content(tmp_path: Path, name: str) -> None:
    landings = [(float(number), rows) for number, rows in TIMELINES[name]]
    wanted = digests_after(tmp_path / "in-order", landings, load_after=set())
    orders = list(itertools.permutations(landings))
    for index, order in enumerate(orders if len(landings) < 4 else orders[3::5]):
        found = digests_after(tmp_path / str(index), list(order), load_after={1 + index % 3})
        assert found == wanted, [number for number, _ in order]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    contents=st.lists(st.sampled_from("ABCSRP"), min_size=3, max_size=6),
    data=st.data(),
)
def test_any_pulls_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, contents: list[str], data: st.DataObject
) -> None:
    rows = {"A": A, "B": B, "C": C, "S": SMALL, "R": REBASED, "P": PARTLY}
    landings = [(number * 2.5, rows[name]) for number, name in enumerate(contents)]
    order = data.draw(st.permutations(landings))
    loads = data.draw(st.sets(st.integers(1, len(contents)), max_size=3))
    base = tmp_path_factory.mktemp("orders")
    wanted = digests_after(base / "in-order", landings, load_after=set())
    assert digests_after(base / "other", list(order), load_after=loads) == wanted


def test_a_rebuilt_warehouse_has_the_same_content(folder: DataFolder) -> None:
    for number, rows in enumerate([A, B, B, SMALL, A, C]):
        folder.land(AA, at(number), rows, index_version=f"{number // 3}")
        folder.land(MODELS_DEV, at(number), [offer("claude-opus-4-5", price_input_per_1m=number)])
        before = folder.digests(at(number))
    folder.warehouse.unlink()
    assert folder.digests(at(5)) == before


# origins ----------------------------------------------------------------------------------------


def origin_of(folder: DataFolder, source: str, now: datetime) -> tuple[str, datetime | None]:
    with folder.open() as con:
        refreshing.load_bronze(con, folder.settings, folder.lake)
        with transaction(con):
            entries = serve(con, folder.settings, now, folder.fixture)
    (entry,) = (entry for entry in entries if entry.source == source)
    return entry.origin, entry.snapshot_ts


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "origin"),
    [
        (timedelta(0), "live"),
        (timedelta(hours=9), "live"),
        (timedelta(hours=9) + SECOND, "cached"),
        (timedelta(days=7), "cached"),
        (timedelta(days=7) + SECOND, "fixture"),
        (timedelta(days=400), "fixture"),
    ],
)
def test_origins_by_age(folder: DataFolder, age: timedelta, origin: str) -> None:
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5")])
    seen = OBSERVED_FIXTURE if origin == "fixture" else at(0)
    assert origin_of(folder, MODELS_DEV, at(0) + age) == (origin, seen)


def test_an_unchanged_pull_keeps_a_source_live(folder: DataFolder) -> None:
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5")])
    folder.land(MODELS_DEV, at(40), [offer("claude-opus-4-5")])
    assert origin_of(folder, MODELS_DEV, at(41)) == ("live", at(0))


def test_a_quarantined_pull_does_not_keep_a_source_live(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(2), models(2))
    assert origin_of(folder, AA, at(2)) == ("cached", at(0))


def test_a_source_without_bundled_facts_falls_back_on_nothing(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    assert origin_of(folder, AA, at(29)) == ("none", None)
    assert origin_of(folder, LMARENA, at(0)) == ("none", None)
    latest = folder.latest(at(29))
    kept = latest["laboratory/invented-0"]
    assert (kept["listed"], kept["quality_index"], kept["last_seen"]) == (True, None, None)


def test_a_disabled_source_serves_nothing_and_its_fixture_neither(folder: DataFolder) -> None:
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5")])
    assert OPUS in folder.latest(at(0))
    folder.configure(MODELS_DEV, enabled=False)
    assert origin_of(folder, MODELS_DEV, at(0)) == ("none", None)
    assert origin_of(folder, MODELS_DEV, at(99)) == ("none", None)
    latest = folder.latest(at(0))
    assert latest[OPUS]["listed"] is False
    assert not BUNDLED_KEYS & set(latest)


def test_bundled_facts_never_reach_bronze_or_history(folder: DataFolder) -> None:
    latest = folder.latest(at(0))
    assert {key for key, row in latest.items() if row["listed"]} == BUNDLED_KEYS
    assert {row["snapshot_ts"] for row in latest.values()} == {OBSERVED_FIXTURE}
    for name in ("bronze_models", "models_history", "pulls"):
        assert folder.rows(f"SELECT * FROM {name}") == []


# one model, many rows ---------------------------------------------------------------------------


def test_fields_come_from_the_first_source_that_knows_them_and_say_so(folder: DataFolder) -> None:
    folder.land(
        AA,
        at(0),
        [
            claude(price_input_per_1m=4.0, price_output_per_1m=20.0, context_window=190_000),
            claude("Reasoning", "thinking", output_tokens_per_s=None, quality_index=60.0),
        ],
        index_version="4.1",
    )
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5", context_window=None)])
    latest = folder.latest(at(0))
    base, thinking = latest[OPUS], latest[OPUS_THINKING]
    assert (base["price_input_per_1m"], base["price_input_per_1m_source"]) == (5.0, MODELS_DEV)
    assert (base["price_output_per_1m"], base["price_output_per_1m_source"]) == (25.0, MODELS_DEV)
    assert (base["context_window"], base["context_window_source"]) == (190_000, AA)
    assert (base["max_output_tokens"], base["max_output_tokens_source"]) == (64_000, MODELS_DEV)
    assert (base["output_tokens_per_s"], base["output_tokens_per_s_source"]) == (50.0, AA)
    assert (base["quality_index"], base["quality_index_source"]) == (20.0, AA)
    assert base["index_versions"] == f"{AA}=4.1"
    assert (base["coding_index"], base["coding_index_source"]) == (None, None)
    assert base["offering_key"] == "anthropic|claude-opus-4-5"
    # The base offering's price and limits hold for its variants; measures and speed do not.
    for column in ("offering_key", "price_input_per_1m", "price_output_per_1m", "context_window"):
        assert thinking[column] == base[column], column
    assert thinking["quality_index"] == 60.0
    assert thinking["output_tokens_per_s"] is None
    assert thinking["output_tokens_per_s_source"] is None
    assert thinking["ttft_s_source"] == AA


def test_an_offering_has_its_terms_and_what_it_can_do_from_who_knows(folder: DataFolder) -> None:
    tiers = '[{"above_input_tokens":200000,"price_input_per_1m":10.0}]'
    folder.land(
        MODELS_DEV,
        at(0),
        [offer("claude-opus-4-5", supports_tools=True, price_tiers=tiers, is_open_weights=False)],
    )
    folder.land(
        "litellm",
        at(0),
        [
            offer(
                "claude-opus-4-5",
                supports_tools=False,
                supports_vision=True,
                effective_at=date(2026, 5, 1),
            )
        ],
    )
    base = folder.latest(at(0))[OPUS]
    assert (base["supports_tools"], base["supports_vision"]) == (True, True)
    assert base["supports_reasoning"] is None
    rows = {row["source"]: row for row in folder.rows("SELECT * FROM model_offerings")}
    assert {row["host_model_id"] for row in rows.values()} == {"claude-opus-4-5"}
    assert rows[MODELS_DEV]["price_tiers"] == tiers
    assert rows["litellm"]["effective_at"] == date(2026, 5, 1)
    assert rows[MODELS_DEV]["is_open_weights"] is False


def test_price_sources_that_differ_by_more_than_a_twentieth_are_listed(folder: DataFolder) -> None:
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5", price_cached_input_per_1m=0.5)])
    folder.land(
        "litellm",
        at(0),
        [
            # Its plainest offering is compared, not another id's tariff.
            offer("claude-opus-4-5-20251101", price_input_per_1m=99.0),
            offer(
                "claude-opus-4-5",
                price_input_per_1m=5.25,
                price_output_per_1m=27.0,
                price_cached_input_per_1m=0.4,
            ),
            offer("anthropic/claude-opus-4.5", host="openrouter", price_input_per_1m=9.0),
        ],
    )
    folder.land(AA, at(0), [claude(price_input_per_1m=5.2, price_output_per_1m=25.0)])
    found = folder.rows("SELECT * FROM price_conflicts ORDER BY price_column, source", at(0))
    assert [
        (row["price_column"], row["used_source"], row["used_price"], row["source"], row["price"])
        for row in found
    ] == [
        ("price_cached_input_per_1m", MODELS_DEV, 0.5, "litellm", 0.4),
        ("price_output_per_1m", MODELS_DEV, 25.0, "litellm", 27.0),
    ]
    assert [row["difference"] for row in found] == pytest.approx([-0.2, 0.08])
    assert folder.latest(at(0))[OPUS]["price_output_per_1m"] == 25.0


def test_what_a_host_gives_away_is_no_conflict(folder: DataFolder) -> None:
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5")])
    free = offer("claude-opus-4-5", price_input_per_1m=0.0, price_output_per_1m=0.0, is_free=True)
    folder.land("litellm", at(0), [free])
    assert folder.rows("SELECT * FROM price_conflicts", at(0)) == []


def test_a_price_is_taken_as_a_whole(folder: DataFolder) -> None:
    """What one source leaves out of its price is not filled from another's."""
    folder.land(AA, at(0), [claude(price_cached_input_per_1m=0.4)])
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5", price_output_per_1m=None)])
    base = folder.latest(at(0))[OPUS]
    assert base["price_input_per_1m"] == 5.0
    assert base["price_output_per_1m"] is None
    assert base["price_output_per_1m_source"] is None
    assert base["price_cached_input_per_1m"] is None


def test_what_one_host_sells_twice_is_one_offering_and_not_the_best_of_both(
    folder: DataFolder,
) -> None:
    folder.land(
        MODELS_DEV,
        at(0),
        [
            offer("claude-opus-4-5", context_window=None, price_input_per_1m=5.0),
            offer("claude-opus-4-5-20251101", context_window=999_999, price_input_per_1m=1.0),
            offer("anthropic/claude-opus-4.5", host="openrouter", price_input_per_1m=0.5),
        ],
    )
    base = folder.latest(at(0))[OPUS]
    assert base["offering_key"] == "anthropic|claude-opus-4-5"
    assert base["price_input_per_1m"] == 5.0
    assert base["context_window"] is None
    offerings = folder.rows("SELECT * FROM offerings_latest ORDER BY serving_host")
    assert [
        (row["serving_host"], row["price_input_per_1m"], row["is_creator_host"])
        for row in offerings
        if row["base_model"] == OPUS
    ] == [("anthropic", 5.0, True), ("openrouter", 0.5, False)]


def test_a_retired_or_unpriced_offering_gives_way_to_the_other(folder: DataFolder) -> None:
    folder.land(
        MODELS_DEV,
        at(0),
        [
            offer("claude-opus-4-5", is_deprecated=True),
            offer("claude-opus-4-5-20251101", context_window=123),
        ],
    )
    base = folder.latest(at(0))[OPUS]
    assert (base["offering_key"], base["context_window"], base["is_deprecated"]) == (
        "anthropic|claude-opus-4-5-20251101",
        123,
        False,
    )


def test_a_publisher_without_hosts_speaks_of_the_creators_own(folder: DataFolder) -> None:
    folder.land(AA, at(0), [claude()])
    (offering,) = (
        row
        for row in folder.rows("SELECT * FROM offerings_latest", at(0))
        if row["base_model"] == OPUS
    )
    assert (offering["serving_host"], offering["is_creator_host"]) == ("anthropic", True)
    assert (offering["price_input_per_1m"], offering["price_source"]) == (1.0, AA)
    assert folder.latest(at(0))[OPUS]["context_window"] == 100_000


def test_a_model_sold_by_others_only_has_no_price_of_its_creator(folder: DataFolder) -> None:
    folder.land(MODELS_DEV, at(0), [offer("anthropic/claude-opus-4.5", host="openrouter")])
    base = folder.latest(at(0))[OPUS]
    assert base["listed"] is True
    assert (base["offering_key"], base["price_input_per_1m"]) == (None, None)


def test_missing_is_null_and_free_is_zero(folder: DataFolder) -> None:
    unknown = dict.fromkeys(
        ("price_input_per_1m", "price_output_per_1m", "is_free", "context_window", "ttft_s")
    )
    free = {"price_input_per_1m": 0.0, "price_output_per_1m": 0.0, "is_free": True}
    folder.land(AA, at(0), [model(1, **unknown), model(2, **free)])
    latest = folder.latest(at(0))
    nothing, gift = latest["laboratory/invented-1"], latest["laboratory/invented-2"]
    assert {nothing[column] for column in unknown} == {None}
    assert nothing["price_input_per_1m_source"] is None
    assert (gift["price_input_per_1m"], gift["is_free"]) == (0.0, True)
    row = folder.rows("SELECT * FROM models_history WHERE source_model_id = 'id-001'")[0]
    assert {row[column] for column in unknown} == {None}


def test_a_model_that_its_source_drops_stays_and_is_no_longer_listed(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(10, max_output_tokens=5))
    folder.land(AA, at(2), models(9))
    latest = folder.latest(at(2))
    gone = latest["laboratory/invented-9"]
    assert (gone["listed"], gone["last_seen"]) == (False, at(1))
    assert gone["model_name"] == "Invented 9"
    assert gone["quality_index"] is None
    assert latest["laboratory/invented-8"]["last_seen"] is None
    folder.land(AA, at(3), models(10))
    assert folder.latest(at(3))["laboratory/invented-9"]["listed"] is True


def test_a_source_that_was_not_seen_for_long_still_lists_what_it_last_had(
    folder: DataFolder,
) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(9))
    latest = folder.latest(at(1) + timedelta(days=30))
    kept, gone = latest["laboratory/invented-8"], latest["laboratory/invented-9"]
    assert (kept["listed"], kept["last_seen"], kept["quality_index"]) == (True, None, None)
    assert (gone["listed"], gone["last_seen"]) == (False, at(0))
    folder.configure(AA, enabled=False)
    assert folder.latest(at(1))["laboratory/invented-8"]["listed"] is False


def test_of_two_rows_for_one_offering_the_priced_one_is_used(folder: DataFolder) -> None:
    unpriced = offer(
        "claude-opus-4-5",
        source_model_id="a-first-id/claude-opus-4-5",
        price_input_per_1m=None,
        price_output_per_1m=None,
        is_free=None,
    )
    folder.land(MODELS_DEV, at(0), [unpriced, offer("claude-opus-4-5")])
    assert folder.latest(at(0))[OPUS]["price_input_per_1m"] == 5.0


def test_a_model_that_another_source_still_has_is_listed(folder: DataFolder) -> None:
    others = models(9)
    folder.land(AA, at(0), [claude(), *others])
    folder.land(MODELS_DEV, at(0), [offer("claude-opus-4-5")])
    folder.land(AA, at(1), others)
    opus = folder.latest(at(1))[OPUS]
    assert (opus["listed"], opus["quality_index"]) == (True, None)


def test_two_rows_of_a_publisher_for_one_model_are_told_and_only_one_is_used(
    folder: DataFolder,
) -> None:
    rows = [
        claude(row_id="b", quality_index=1.0, coding_index=11.0),
        claude(row_id="a", quality_index=2.0, coding_index=None, output_tokens_per_s=None),
    ]
    folder.land(AA, at(0), rows)
    opus = folder.latest(at(0))[OPUS]
    assert opus["quality_index"] == 2.0
    # The row that is used is used as a whole.
    assert (opus["coding_index"], opus["output_tokens_per_s"]) == (None, None)
    review = folder.rows("SELECT * FROM model_identity_review")
    assert [(row["source_model_id"], row["proposal"]) for row in review] == [("b", OPUS)]
    assert "the values of a are used" in review[0]["reason"]
    assert review[0]["used_id"] == "a"
    with folder.open() as con:
        assert checks.unknown_names(con) == []


def test_a_name_that_no_rule_joins_waits_for_review_and_serves_nothing(folder: DataFolder) -> None:
    folder.land(AA, at(0), [*models(9), model(99, model_name="GPT-4o", creator="OpenAI")])
    latest = folder.latest(at(0))
    review = folder.rows("SELECT * FROM model_identity_review")
    assert [row["source_model_id"] for row in review] == ["id-099"]
    assert not any(key.startswith("openai/gpt-4o") for key in latest)
    assert len(folder.rows("SELECT * FROM models_history")) == 9


# names ------------------------------------------------------------------------------------------


def resolved(folder: DataFolder, monkeypatch: pytest.MonkeyPatch, now: datetime) -> list[str]:
    """The ids that a load at that moment resolves."""
    asked: list[str] = []
    outcome = naming._outcome

    def spy(name: Any, *arguments: Any) -> Any:
        asked.append(name.source_model_id)
        return outcome(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(naming, "_outcome", spy)
        folder.rows(PULLS, now)
    return asked


def test_only_new_and_changed_names_are_resolved(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.land(AA, at(0), models(9))
    assert len(resolved(folder, monkeypatch, at(0))) == 9 + 3
    assert resolved(folder, monkeypatch, at(0)) == []
    folder.land(AA, at(1), [*models(8), model(8, model_name="Renamed 8"), model(9)])
    assert resolved(folder, monkeypatch, at(1)) == ["id-008", "id-009"]
    folder.land(AA, at(2), [*models(8), model(8, model_name="Renamed 8", creator=None), model(9)])
    assert resolved(folder, monkeypatch, at(2)) == ["id-008"]
    folder.configure(AA, offers_at="none")
    assert len(resolved(folder, monkeypatch, at(2))) == 10 + 3


def test_a_value_that_the_last_pull_lacks_is_lacking_however_pulls_were_loaded(
    folder: DataFolder,
) -> None:
    folder.land(AA, at(0), models(9))
    folder.rows(PULLS, at(0))
    folder.land(AA, at(1), models(9, creator=None))
    query = "SELECT source_model_id, creator FROM source_names ORDER BY 1"
    incremental = folder.rows(query, at(1))
    folder.warehouse.unlink()
    assert folder.rows(query, at(1)) == incremental
    assert {row["creator"] for row in incremental} == {None}


# the file ---------------------------------------------------------------------------------------


def test_reading_where_there_is_no_warehouse_says_what_to_do(folder: DataFolder) -> None:
    message = "there is no warehouse yet; run `llmrec run`"
    with pytest.raises(WarehouseError, match=message), folder.open(read_only=True):
        pass
    assert not folder.warehouse.exists()


@pytest.mark.parametrize("content", [b"no database" * 1000, b"\x00" * 20_000])
def test_a_damaged_file_is_named_with_the_way_out(folder: DataFolder, content: bytes) -> None:
    folder.warehouse.write_bytes(content)
    with pytest.raises(WarehouseError) as raised, folder.open():
        pass
    assert str(raised.value).startswith(f"{folder.warehouse}: ")
    assert str(raised.value).endswith("run `llmrec rebuild`")
    assert "\n" not in str(raised.value)


def test_a_damaged_block_is_named_with_the_way_out(folder: DataFolder) -> None:
    """DuckDB tells it when the block is read, not when the file is opened."""
    folder.land(AA, at(0), models(400))
    folder.latest(at(0))
    body = bytearray(folder.warehouse.read_bytes())
    # Behind the three headers: every block, so that whatever is read is hit.
    for place in range(3 * 4096 + 100, len(body), 50_000):
        body[place] ^= 255
    folder.warehouse.write_bytes(body)
    with pytest.raises(WarehouseError) as raised, folder.open() as con:
        digests(con)
    assert str(raised.value).startswith(f"{folder.warehouse}: ")
    assert str(raised.value).endswith("run `llmrec rebuild`")
    assert "\n" not in str(raised.value)


def test_names_that_look_like_sql_are_names(tmp_path: Path) -> None:
    """Of models, and of the folder that everything is below."""
    folder = DataFolder(tmp_path / "it's; DROP", SETTINGS)
    names = {"x'); DROP TABLE pulls; --", 'y" OR "1"="1', "$name", "a ? b", "z\\'"}
    rows = [
        model(number, source_model_id=name, model_name=name, creator=name)
        for number, name in enumerate(sorted(names))
    ]
    folder.land(AA, at(0), rows)
    edition = folder.refresh(at(0)).edition
    with duckdb.connect() as con:
        open_edition(con, edition)
        found = con.sql(f"SELECT model_name FROM silver_models WHERE source = '{AA}'").fetchall()
        assert {name for (name,) in found} == names
        assert con.sql("SELECT count(*) FROM pulls").fetchall() == [(1,)]


def test_a_file_held_by_another_process_is_waited_for_and_its_holder_named(
    folder: DataFolder,
) -> None:
    script = textwrap.dedent(
        f"""
        import duckdb, sys
        con = duckdb.connect({str(folder.warehouse)!r})
        print("held", flush=True)
        sys.stdin.readline()
        con.close()
        print("free", flush=True)
        sys.stdin.readline()
        """
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        limits = folder.settings.pipeline.warehouse.model_copy(update={"lock_wait_s": 30})
        now, waits = 0.0, []

        def sleep(seconds: float) -> None:
            nonlocal now
            now += 10
            waits.append(seconds)

        with (
            pytest.raises(WarehouseError) as raised,
            open_warehouse(folder.warehouse, limits, monotonic=lambda: now, sleep=sleep),
        ):
            pass
        assert len(waits) == 3
        assert f"process {holder.pid} (" in str(raised.value)
        assert "still held by" in str(raised.value)
        assert "\n" not in str(raised.value)

        def let_go(_: float) -> None:
            assert holder.stdin
            assert holder.stdout
            holder.stdin.write("\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "free\n"

        with open_warehouse(folder.warehouse, limits, sleep=let_go) as con:
            assert table(con, "pulls").is_empty()
    finally:
        holder.kill()
        holder.communicate()


def test_a_reader_in_this_process_is_waited_for_too(folder: DataFolder) -> None:
    limits = folder.settings.pipeline.warehouse.model_copy(update={"lock_wait_s": 0})
    with (
        folder.open(),
        pytest.raises(WarehouseError, match=r"still held by process \d+ \(this one\)"),
        open_warehouse(folder.warehouse, limits, read_only=True),
    ):
        pass


def test_another_schema_drops_and_derives_anew(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.land(AA, at(0), models(10))
    before = folder.digests(at(0))
    statements = warehouse._statements()
    monkeypatch.setattr(
        warehouse, "_statements", lambda: [*statements, "CREATE TABLE further (a INTEGER)"]
    )
    with folder.open() as con:
        assert table(con, "bronze_models").is_empty()
        assert table(con, "further").is_empty()
        folder.load(con, at(0))
        assert digests(con) == before
    monkeypatch.undo()
    with folder.open() as con:
        names = [row[0] for row in con.sql("SELECT table_name FROM duckdb_tables()").fetchall()]
    assert "further" not in names


def test_long_work_writes_nothing_to_standard_output(folder: DataFolder) -> None:
    with folder.open() as con:
        row = con.sql("SELECT current_setting('enable_progress_bar')").fetchone()
    assert row == (False,)


def test_views_give_the_columns_of_the_schema_table(folder: DataFolder) -> None:
    from llmrec_pipeline_tests.schema_tables import TABLES

    folder.land(AA, at(0), models(10))
    with folder.open() as con:
        folder.load(con, at(0))
        for name in (
            "pulls",
            "model_identity_map",
            "model_identity_review",
            "silver_models",
            "models_history",
            "model_offerings",
            "measures_latest",
            "models_latest",
        ):
            assert set(table(con, name).columns) == set(TABLES[name].names), name


def test_the_bundled_facts_load(tmp_path: Path) -> None:
    """The fixture that ships, by the same way."""
    folder = DataFolder(tmp_path / "data", SETTINGS)
    folder.fixture = Fixture(folder.settings.locations.fixture, folder.settings)
    latest = folder.latest(datetime(2026, 11, 21, tzinfo=UTC))
    assert sum(row["listed"] for row in latest.values()) > 60
    priced = [row for row in latest.values() if row["price_input_per_1m"] is not None]
    assert priced
    assert all(row["offering_key"] for row in priced)
