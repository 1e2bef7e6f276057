"""Captures of earlier days: the same history as pulling day by day, whatever comes in which order."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.sources.pull import RawPage
from llmrec_pipeline.storage.backfilling import Backfilled, backfill
from llmrec_pipeline.storage.captures import find_captures
from llmrec_pipeline.storage.landing import land_pending
from llmrec_pipeline.storage.states import SourceState, read_state, write_state
from llmrec_pipeline_tests.captured_days import FIRST, history, legacy_row, response, write
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder

SETTINGS = load_settings({})
DAY = timedelta(days=1)
DAYS, MODELS = 12, 24
NOW = FIRST + DAYS * DAY
GENAI = "genai_prices"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", SETTINGS)


def take(
    folder: DataFolder,
    *paths: Path,
    source: str = AA,
    at: datetime | None = None,
    now: datetime = NOW,
) -> list[Backfilled]:
    """Backfill what lies at the paths."""
    captures = find_captures(paths, at)
    return backfill(source, captures, folder.settings, folder.lake, lambda: now)


def statuses(outcomes: Sequence[Backfilled]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def a_page(day: int = 0, models: int = MODELS) -> bytes:
    return response([legacy_row(number, day) for number in range(models)])


def everything(data: Path) -> dict[str, bytes]:
    """All files of a data folder's lake and states."""
    return {
        str(path): path.read_bytes()
        for name in ("raw", "bronze", "state")
        for path in sorted((data / name).rglob("*"))
        if path.is_file()
    }


# the law ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pulled_day_by_day(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Content digest of the edition after pulling each day: each pull is judged alone, and a few
    are followed by a whole refresh."""
    folder = DataFolder(tmp_path_factory.mktemp("pulled") / "data", SETTINGS)
    for number, (moment, body) in enumerate(history(DAYS, MODELS)):
        asked = f"{SETTINGS.sources[AA].base_url}/api/v2/data/llms/models"
        folder.lake.land_raw(AA, moment, [RawPage("page-001.json", asked, 200, {}, body, moment)])
        landed = moment + timedelta(seconds=5)
        (outcome,) = land_pending(AA, folder.settings, folder.lake, lambda landed=landed: landed)
        assert outcome.reason is None
        if number % 4:
            folder.rows("SELECT 1", landed)
        else:
            folder.refresh(landed)
    kinds = folder.rows("SELECT status, rebased FROM pulls ORDER BY snapshot_ts")
    told = {(row["status"], row["rebased"]) for row in kinds}
    assert told == {
        ("accepted", False),
        ("accepted", True),
        ("quarantined", False),
        ("unchanged", False),
    }
    return str(folder.refresh(NOW).manifest["content_digest"])


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_backfill_in_any_order_leaves_the_history_of_pulling_day_by_day(
    pulled_day_by_day: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    base = tmp_path_factory.mktemp("backfilled")
    folder = DataFolder(base / "data", SETTINGS)
    paths = write(base / "captures", history(DAYS, MODELS))
    order = data.draw(st.permutations(paths))
    refreshed_after = data.draw(st.sets(st.integers(0, DAYS - 1), max_size=2))
    for number, path in enumerate(order):
        assert statuses(take(folder, path)) in (["new"], ["unchanged"])
        if number in refreshed_after:
            folder.refresh(NOW)
    assert folder.refresh(NOW).manifest["content_digest"] == pulled_day_by_day


def test_given_again_nothing_changes(
    folder: DataFolder, tmp_path: Path, pulled_day_by_day: str
) -> None:
    write(tmp_path / "captures", history(DAYS, MODELS))
    first = take(folder, tmp_path / "captures")
    assert set(statuses(first)) == {"new", "unchanged"}
    published = folder.refresh(NOW)
    assert published.manifest["content_digest"] == pulled_day_by_day
    before = everything(tmp_path / "data")
    again = take(folder, tmp_path / "captures", now=NOW + DAY)
    assert statuses(again) == ["known"] * DAYS
    assert [outcome.rows for outcome in again] == [outcome.rows for outcome in first]
    assert everything(tmp_path / "data") == before
    assert folder.refresh(NOW).is_new is False


# what lands -------------------------------------------------------------------------------------


def test_a_capture_lands_as_a_live_pull_does(folder: DataFolder, tmp_path: Path) -> None:
    (path,) = write(tmp_path / "captures", [(FIRST, a_page())])
    (outcome,) = take(folder, path)
    assert outcome == Backfilled(str(path), FIRST, "new", None, MODELS)
    (page,) = folder.lake.read_raw(AA, FIRST)
    assert (page.body, page.url) == (a_page(), "file:models-2026-03-01.json")
    assert (page.received_at, page.status) == (FIRST, 200)
    (record,) = folder.lake.records(AA)
    assert (record.observed_at, record.landed_at, record.rows) == (FIRST, NOW, MODELS)


def test_a_capture_may_be_compressed(folder: DataFolder, tmp_path: Path) -> None:
    path = tmp_path / "2026-03-01.json.gz"
    path.write_bytes(gzip.compress(a_page()))
    plain = tmp_path / "2026-03-01.json"
    plain.write_bytes(a_page())
    assert statuses(take(folder, path)) == ["new"]
    assert statuses(take(folder, plain)) == ["known"]
    assert folder.lake.read_raw(AA, FIRST)[0].name == "2026-03-01.json"


def test_a_folder_named_by_a_moment_is_one_pull_of_all_its_pages(
    folder: DataFolder, tmp_path: Path
) -> None:
    pages = tmp_path / "captures" / "2026-03-01T06-00-00Z"
    pages.mkdir(parents=True)
    rows = [legacy_row(number, 0) for number in range(MODELS)]
    (pages / "page-2.json").write_bytes(response(rows[10:]))
    (pages / "page-1.json").write_bytes(response(rows[:10]))
    (pages / ".DS_Store").write_bytes(b"not a page")
    write(tmp_path / "captures" / "march", [(FIRST + DAY, a_page(1))])
    outcomes = take(folder, tmp_path / "captures")
    assert [(outcome.observed_at, outcome.rows) for outcome in outcomes] == [
        (FIRST + timedelta(hours=6), MODELS),
        (FIRST + DAY, MODELS),
    ]
    there = folder.lake.read_raw(AA, FIRST + timedelta(hours=6))
    assert [page.name for page in there] == ["page-1.json", "page-2.json"]


def test_the_raw_pulls_of_another_lake_are_captures(folder: DataFolder, tmp_path: Path) -> None:
    write(tmp_path / "captures", history(4, MODELS))
    take(folder, tmp_path / "captures")
    other = DataFolder(tmp_path / "other", SETTINGS)
    assert statuses(take(other, tmp_path / "data" / "raw" / AA)) == ["new"] * 4
    assert [r.content_hash for r in other.lake.records(AA)] == [
        r.content_hash for r in folder.lake.records(AA)
    ]


def test_a_stated_moment_goes_before_the_name(folder: DataFolder, tmp_path: Path) -> None:
    (path,) = write(tmp_path / "captures", [(FIRST, a_page())])
    (outcome,) = take(folder, path, at=FIRST + timedelta(hours=9))
    assert (outcome.status, outcome.observed_at) == ("new", FIRST + timedelta(hours=9))
    assert [moment.hour for moment in [r.observed_at for r in folder.lake.records(AA)]] == [9]


def test_prices_of_a_package_are_those_in_force_when_it_was_captured(
    folder: DataFolder, tmp_path: Path
) -> None:
    prices = [
        {"prices": {"input_mtok": "1"}},
        {"constraint": {"start_date": "2026-03-05"}, "prices": {"input_mtok": "2"}},
    ]
    model = {"id": "invented-1", "name": "Invented 1", "prices": prices}
    body = json.dumps({"providers": [{"id": "laboratory", "models": [model]}]}).encode()
    paths = write(tmp_path / "captures", [(FIRST, body), (FIRST + 7 * DAY, body)])
    assert statuses(take(folder, *paths, source=GENAI)) == ["new", "new"]
    folder.refresh(NOW)
    rows = folder.rows("SELECT price_input_per_1m AS price FROM bronze_models ORDER BY observed_at")
    assert [row["price"] for row in rows] == [1.0, 2.0]


# what does not ----------------------------------------------------------------------------------


def test_another_content_for_the_same_moment_is_refused_and_nothing_is_lost(
    folder: DataFolder, tmp_path: Path
) -> None:
    (path,) = write(tmp_path / "captures", [(FIRST, a_page())])
    take(folder, path)
    before = everything(tmp_path / "data")
    path.write_bytes(a_page(day=1))
    (outcome,) = take(folder, path)
    assert (outcome.status, outcome.is_taken) == ("refused", False)
    assert outcome.reason is not None
    assert outcome.reason.startswith("the pull of 2026-03-01T00:00:00Z is there with another")
    assert everything(tmp_path / "data") == before


def test_one_line_for_each_that_cannot_be_taken_and_the_others_land(
    folder: DataFolder, tmp_path: Path
) -> None:
    captures = tmp_path / "captures"
    write(captures, history(2, MODELS))
    bad = {
        "models.json": (a_page(), "refused", "its name has not one moment"),
        "2026-02-30.json": (a_page(), "refused", "its name has a moment that is none"),
        "2030-01-01.json": (a_page(), "refused", "2030-01-01T00:00:00Z has not come yet"),
        "2026-02-01.json": (b"<html>", "invalid", "HTML"),
        "2026-02-02.json": (response([]), "invalid", "data: no models"),
        "2026-02-03.json.gz": (b"no gzip", "refused", "is no whole gzip file"),
        "2026-02-04.json.gz": (gzip.compress(a_page())[:-30], "refused", "no whole gzip file"),
    }
    for name, (body, _, _) in bad.items():
        (captures / name).write_bytes(body)
    (captures / "2026-02-05").mkdir()
    found = {Path(outcome.path).name: outcome for outcome in take(folder, captures)}
    for name, (_, status, reason) in bad.items():
        assert found[name].status == status, name
        assert reason in str(found[name].reason), name
        assert "\n" not in str(found[name].reason)
    assert found["2026-02-05"].reason == "holds no files"
    assert [outcome.status for outcome in found.values()].count("new") == 2
    assert len(list(folder.lake.records(AA))) == 2
    assert len(list((folder.lake.raw / AA).iterdir())) == 2


def test_a_path_that_is_not_there(folder: DataFolder, tmp_path: Path) -> None:
    (outcome,) = take(folder, tmp_path / "2026-03-01.json")
    assert outcome.reason == "there is no such file or folder"


def test_a_page_given_twice_or_a_folder_within_is_refused(
    folder: DataFolder, tmp_path: Path
) -> None:
    twice, nested = tmp_path / "2026-03-01", tmp_path / "2026-03-02"
    twice.mkdir()
    (twice / "page.json").write_bytes(a_page())
    (twice / "page.json.gz").write_bytes(gzip.compress(a_page()))
    (nested / "inner").mkdir(parents=True)
    told = [str(outcome.reason) for outcome in take(folder, twice, nested)]
    assert told == [
        "holds a page twice, with and without .gz",
        "holds a folder, but its files are the pages of one pull",
    ]


def test_what_is_longer_than_a_page_may_be_is_not_read(folder: DataFolder, tmp_path: Path) -> None:
    limit = folder.settings.pipeline.http.model_copy(update={"max_body_mb": 0.001})
    pipeline = folder.settings.pipeline.model_copy(update={"http": limit})
    folder.settings = folder.settings.model_copy(update={"pipeline": pipeline})
    path = tmp_path / "2026-03-01.json.gz"
    path.write_bytes(gzip.compress(b" " * 1_000_000))
    (outcome,) = take(folder, path)
    assert outcome.status == "refused"
    assert "is longer than 1000 bytes" in str(outcome.reason)


def test_where_a_pull_that_could_not_be_read_lies_another_is_refused(
    folder: DataFolder, tmp_path: Path
) -> None:
    page = RawPage("page-001.json", "https://example.org", 200, {}, b"<html>", FIRST)
    folder.lake.land_raw(AA, FIRST, [page])
    (path,) = write(tmp_path / "captures", [(FIRST, a_page())])
    (outcome,) = take(folder, path)
    assert outcome.status == "refused"
    assert "that could not be read is in the lake" in str(outcome.reason)
    assert list(folder.lake.records(AA)) == []


# the state --------------------------------------------------------------------------------------


def test_old_captures_move_nothing_of_what_became_of_attempts(
    folder: DataFolder, tmp_path: Path
) -> None:
    states = folder.settings.locations.states
    newer = FIRST + 300 * DAY
    state = SourceState(
        AA,
        last_attempt_at=iso(newer + DAY),
        last_status="failed",
        last_error="no answer",
        failures=3,
        last_verified_at=iso(newer),
        newest_observed_at=iso(newer),
        content_hash="hash",
        rows=7,
    )
    write_state(states, state)
    paths = write(tmp_path / "captures", history(2, MODELS))
    take(folder, *paths, now=newer + 2 * DAY)
    assert read_state(states, AA) == state


def test_a_capture_says_when_its_content_was_seen_and_of_no_attempt(
    folder: DataFolder, tmp_path: Path
) -> None:
    paths = write(tmp_path / "captures", history(3, MODELS))
    take(folder, paths[2], paths[0], paths[1])
    state = read_state(folder.settings.locations.states, AA)
    newest = FIRST + 2 * DAY
    assert (state.last_verified_at, state.newest_observed_at) == (iso(newest), iso(newest))
    assert (state.last_attempt_at, state.last_status, state.failures) == (None, None, 0)
    late = datetime(2026, 11, 21, tzinfo=UTC)
    folder.refresh(late)
    assert folder.rows(f"SELECT origin FROM serving WHERE source = '{AA}'") == [{"origin": "none"}]
