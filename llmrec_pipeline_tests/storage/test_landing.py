"""From a publisher on loopback to bronze and state: what a source does, and what it cannot do to
what was good."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llmrec_pipeline.domain.timestamps import iso, stamp
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.sources import artificial_analysis, models_dev
from llmrec_pipeline.storage import landing as landing_module
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import (
    LandOutcome,
    PullOutcome,
    land_pending,
    note_overdue,
    pull_source,
)
from llmrec_pipeline.storage.source_usage import SourceUsage
from llmrec_pipeline.storage.states import SourceState, read_state, write_state
from llmrec_pipeline_tests.publishers import (
    AA,
    LMARENA,
    MODELS_DEV,
    SOURCES,
    BadCells,
    CutOff,
    EmptyList,
    FailingPage,
    Fault,
    Hang,
    HtmlPage,
    Publishers,
    RedirectElsewhere,
    RenamedFields,
    Status,
)

FAST = {"READ_S": "0.5", "BUDGET_S": "2", "ATTEMPTS": "2", "WAIT_INITIAL_S": "0.01"}
T0 = datetime(2026, 11, 21, 6, tzinfo=UTC)


@dataclass
class World:
    """A data folder, the publishers, and a clock that a test turns."""

    publishers: Publishers
    data: Path
    now: datetime = T0
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return load_settings(
            {
                **self.publishers.environment(),
                **{f"LLMREC_PIPELINE__HTTP__{name}": value for name, value in FAST.items()},
                "LLMREC_DATA_DIR": str(self.data),
                **self.changes,
            }
        )

    @property
    def lake(self) -> Lake:
        return Lake(self.data)

    def clock(self) -> datetime:
        return self.now

    def wait(self, hours: float = 6) -> None:
        self.now += timedelta(hours=hours)

    def pull(self, source: str) -> PullOutcome:
        return pull_source(source, self.settings, self.lake, self.clock)

    def land(self, source: str) -> list[LandOutcome]:
        return land_pending(source, self.settings, self.lake, self.clock)

    def ingest(self, source: str) -> tuple[PullOutcome, list[LandOutcome]]:
        return self.pull(source), self.land(source)

    def state(self, source: str) -> SourceState:
        return read_state(self.data / "state", source)

    def bronze(self, source: str) -> dict[str, tuple[bytes, int]]:
        folder = self.lake.bronze / source
        return {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(folder.glob("*.parquet"))
        }

    def everything(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.data.rglob("*") if path.is_file())


@pytest.fixture
def world(publishers: Publishers, tmp_path: Path) -> World:
    return World(publishers, tmp_path / "data")


# good pulls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_a_good_pull_lands(world: World, source: str) -> None:
    pulled, (landed,) = world.ingest(source)
    assert (pulled.status, pulled.reason, pulled.observed_at) == ("pulled", None, T0)
    assert pulled.pages == (3 if source == AA else 1)
    assert pulled.size == sum(len(page.body) for page in world.lake.read_raw(source, T0))
    assert (landed.status, landed.reason, landed.bad_values) == ("new", None, {})
    models = pl.read_parquet(world.lake.bronze / source / str(landed.bronze))
    assert models.height == landed.rows == len(world.publishers.facts.models(source))
    state = world.state(source)
    assert (state.last_status, state.last_error, state.failures) == ("new", None, 0)
    assert state.last_verified_at == state.newest_observed_at == state.last_attempt_at == iso(T0)
    (record,) = world.lake.records(source)
    assert state.content_hash == record.content_hash
    assert state.rows == landed.rows
    assert (state.quota is not None) is (source == AA)


def test_benchmark_rows_land_long(world: World) -> None:
    _, (landed,) = world.ingest(LMARENA)
    facts = world.publishers.facts.lmarena
    assert landed.benchmarks == len(facts)
    name = f"benchmark_results_{stamp(T0)}.parquet"
    results = pl.read_parquet(world.lake.bronze / LMARENA / name)
    assert set(results["category"]) == {row["category"] for row in facts}
    assert results["n"].null_count() == 0
    assert (results["lower"] < results["score"]).all()
    assert (results["upper"] > results["score"]).all()


@pytest.mark.parametrize("source", SOURCES)
def test_an_unchanged_pull_moves_the_heartbeat_only(world: World, source: str) -> None:
    world.ingest(source)
    before = world.bronze(source)
    world.wait()
    _, (landed,) = world.ingest(source)
    assert (landed.status, landed.bronze) == ("unchanged", None)
    assert world.bronze(source) == before
    assert len(list(world.lake.records(source))) == 2
    state = world.state(source)
    assert (state.last_status, state.last_verified_at) == ("unchanged", iso(world.now))


def test_the_same_facts_from_another_address_are_unchanged(world: World) -> None:
    world.ingest(MODELS_DEV)
    world.wait()
    with Publishers(world.publishers.facts) as mirror:
        moved = replace(world, publishers=mirror)
        assert [landed.status for landed in moved.ingest(MODELS_DEV)[1]] == ["unchanged"]


def test_a_changed_pull_gets_a_file_beside_the_old(world: World) -> None:
    world.ingest(LMARENA)
    before = world.bronze(LMARENA)
    world.wait()
    world.publishers.facts = world.publishers.facts.next_day()
    _, (landed,) = world.ingest(LMARENA)
    assert landed.status == "new"
    after = world.bronze(LMARENA)
    assert len(after) == 2 * len(before)
    assert {name: after[name] for name in before} == before


def test_bad_values_are_counted_in_the_state(world: World) -> None:
    world.publishers.fault(AA, BadCells(3))
    _, (landed,) = world.ingest(AA)
    assert landed.status == "new"
    expected = {"price_input_per_1m": 1, "price_output_per_1m": 1, "quality_index": 1}
    assert landed.bad_values == world.state(AA).bad_values == expected


# pulls that give nothing --------------------------------------------------------------------

FAILURES: dict[str, tuple[Fault, str]] = {
    "401": (Status(401), "HTTP 401"),
    "403": (Status(403), "HTTP 403"),
    "410": (Status(410), "HTTP 410"),
    "429": (Status(429, retry_after=600), "HTTP 429"),
    "500": (Status(500), "HTTP 500"),
    "hang": (Hang(), "no answer"),
    "cut off": (CutOff(), "closed connection"),
    "redirect": (RedirectElsewhere(), "redirected"),
}
INVALID: dict[str, tuple[Fault, str]] = {
    "HTML": (HtmlPage(), "HTML"),
    "empty": (EmptyList(), ""),
    "renamed": (RenamedFields(), "renamed"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_pull_touches_nothing_that_was_good(world: World, kind: str) -> None:
    fault, told = FAILURES[kind]
    world.ingest(AA)
    before, bronze, raw = world.state(AA), world.bronze(AA), list(world.lake.raw.rglob("*"))
    world.wait()
    world.publishers.fault(AA, fault)
    pulled, landed = world.ingest(AA)
    assert (pulled.status, landed) == ("failed", [])
    assert pulled.reason is not None
    assert told in pulled.reason
    assert world.bronze(AA) == bronze
    assert list(world.lake.raw.rglob("*")) == raw
    state = world.state(AA)
    assert (state.last_status, state.last_error, state.failures) == ("failed", pulled.reason, 1)
    assert state.last_attempt_at == iso(world.now)
    for name in ("last_verified_at", "newest_observed_at", "content_hash", "rows"):
        assert getattr(state, name) == getattr(before, name)
    world.wait()
    world.publishers.heal()
    assert [outcome.status for outcome in world.ingest(AA)[1]] == ["unchanged"]
    assert (world.state(AA).last_error, world.state(AA).failures) == (None, 0)


def test_a_failing_second_page_leaves_no_half_pull(world: World) -> None:
    world.publishers.fault(AA, FailingPage())
    pulled, landed = world.ingest(AA)
    assert (pulled.status, landed) == ("failed", [])
    assert not world.lake.raw.exists()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_pull_stays_raw_and_is_remembered(world: World, source: str, kind: str) -> None:
    fault, told = INVALID[kind]
    world.ingest(source)
    before, bronze = world.state(source), world.bronze(source)
    world.wait()
    world.publishers.fault(source, fault)
    pulled, (landed,) = world.ingest(source)
    assert (pulled.status, landed.status) == ("pulled", "invalid")
    assert landed.reason is not None
    assert told in landed.reason
    assert world.lake.read_raw(source, world.now)
    assert world.bronze(source) == bronze
    assert len(list(world.lake.records(source))) == 1
    state = world.state(source)
    assert (state.last_status, state.last_error, state.failures) == ("invalid", landed.reason, 1)
    assert state.last_verified_at == before.last_verified_at
    assert world.land(source) == []


def test_what_is_not_asked_is_skipped_with_its_reason(world: World) -> None:
    for changes, source, told in (
        ({"AA_API_KEY": ""}, AA, "AA_API_KEY is not set"),
        ({"LLMREC_OFFLINE": "1"}, LMARENA, "LLMREC_OFFLINE is set"),
    ):
        world.changes = changes
        pulled, landed = world.ingest(source)
        assert (pulled.status, landed) == ("skipped", [])
        assert told in str(pulled.reason)
        assert (world.state(source).last_status, world.state(source).failures) == ("skipped", 0)
    assert world.publishers.requests == []


def test_a_source_that_is_switched_off_leaves_no_complaint(world: World) -> None:
    world.changes = {"LLMREC_SOURCES__LMARENA__ENABLED": "0"}
    pulled, landed = world.ingest(LMARENA)
    assert (pulled.status, pulled.reason, landed) == ("skipped", None, [])
    assert world.state(LMARENA).last_error is None
    assert world.publishers.requests == []


def test_an_overdue_source_is_a_failed_one(world: World) -> None:
    world.ingest(AA)
    world.wait()
    outcome = note_overdue(AA, world.settings, world.lake, world.clock, 100)
    assert outcome.status == "failed"
    state = world.state(AA)
    assert (state.last_error, state.failures) == (
        "no answer within the 100 s of the whole ingest",
        1,
    )
    assert state.last_verified_at == iso(T0)


def test_the_key_is_stored_nowhere(world: World) -> None:
    world.publishers.key = "s3cr3t-of-the-test"
    for fault in (Fault(), Status(401), RedirectElsewhere(), HtmlPage(), Hang()):
        world.publishers.fault(AA, fault)
        world.ingest(AA)
        world.wait()
    assert any(request.had_key for request in world.publishers.requests)
    assert b"s3cr3t" not in world.everything()


# modules that fail --------------------------------------------------------------------------


def _raises(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_parser_that_fails_stops_its_own_source_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ingest(MODELS_DEV)
    bronze = world.bronze(MODELS_DEV)
    world.wait()
    monkeypatch.setattr(models_dev, "parse", _raises(ZeroDivisionError("by\nzero")))
    outcomes = {source: world.ingest(source)[1][0] for source in SOURCES}
    assert {source: outcome.status for source, outcome in outcomes.items()} == {
        AA: "new",
        MODELS_DEV: "invalid",
        LMARENA: "new",
    }
    assert outcomes[MODELS_DEV].reason == "the parser failed with ZeroDivisionError: by zero"
    assert world.bronze(MODELS_DEV) == bronze
    assert world.land(MODELS_DEV) == []


def test_rows_that_fit_no_schema_are_an_invalid_pull(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = models_dev.parse

    def twice(*arguments: Any) -> Any:
        parsed = parse(*arguments)
        return replace(parsed, models=[*parsed.models, parsed.models[0]])

    monkeypatch.setattr(models_dev, "parse", twice)
    _, (landed,) = world.ingest(MODELS_DEV)
    assert landed.status == "invalid"
    assert "source_model_id" in str(landed.reason)
    assert world.bronze(MODELS_DEV) == {}


def test_a_newer_parser_reads_what_an_older_one_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(models_dev, "parse", _raises(KeyError("shape")))
        assert world.ingest(MODELS_DEV)[1][0].status == "invalid"
    assert world.land(MODELS_DEV) == []
    monkeypatch.setattr(models_dev, "PARSER_VERSION", f"{models_dev.PARSER_VERSION}+")
    world.wait()
    (landed,) = world.land(MODELS_DEV)
    assert (landed.status, landed.observed_at) == ("new", T0)
    assert world.state(MODELS_DEV).last_verified_at == iso(T0)


def test_a_fetch_that_fails_is_a_failed_pull_that_tells_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artificial_analysis, "fetch", _raises(RuntimeError(world.publishers.key)))
    pulled, landed = world.ingest(AA)
    assert (pulled.status, landed) == ("failed", [])
    assert pulled.reason == "reading the answer failed with RuntimeError"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_what_our_machine_refuses_is_raised(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(models_dev, "parse", _raises(error))
        world.pull(MODELS_DEV)
        with pytest.raises(type(error)):
            world.land(MODELS_DEV)
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "land_bronze", _raises(error))
        with pytest.raises(type(error)):
            world.land(MODELS_DEV)
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "land_raw", _raises(error))
        world.wait()
        with pytest.raises(type(error)):
            world.pull(MODELS_DEV)
    # Nothing was refused for it: the pull lands once there is room.
    assert [landed.status for landed in world.land(MODELS_DEV)] == ["new"]


# crashes and damage -------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


def test_a_raw_folder_left_by_a_kill_lands_with_the_next_run(world: World) -> None:
    world.pull(MODELS_DEV)
    world.wait()
    world.publishers.facts = world.publishers.facts.next_day()
    _, landed = world.ingest(MODELS_DEV)
    assert [(outcome.observed_at, outcome.status) for outcome in landed] == [
        (T0, "new"),
        (world.now, "new"),
    ]
    assert world.state(MODELS_DEV).newest_observed_at == iso(world.now)


def test_a_kill_between_bronze_and_record_heals(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pull(LMARENA)
    with monkeypatch.context() as patch:
        patch.setattr("llmrec_pipeline.storage.lake.append_record", _raises(Killed()))
        with pytest.raises(Killed):
            world.land(LMARENA)
    orphans = world.bronze(LMARENA)
    assert len(orphans) == 2
    assert list(world.lake.records(LMARENA)) == []
    assert [landed.status for landed in world.land(LMARENA)] == ["new"]
    assert world.bronze(LMARENA) == orphans
    assert len(list(world.lake.records(LMARENA))) == 1


def test_a_kill_between_record_and_state_heals(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ingest(MODELS_DEV)
    world.wait()
    world.pull(MODELS_DEV)
    with monkeypatch.context() as patch:
        patch.setattr(landing_module, "write_state", _raises(Killed()))
        with pytest.raises(Killed):
            world.land(MODELS_DEV)
    assert world.state(MODELS_DEV).last_verified_at == iso(T0)
    assert world.land(MODELS_DEV) == []
    state = world.state(MODELS_DEV)
    assert (state.last_verified_at, state.last_status) == (iso(world.now), "unchanged")


def test_a_kill_while_raw_pages_are_written_leaves_no_pull(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("llmrec_pipeline.storage.lake.write_json", _raises(Killed()))
        patch.setattr("shutil.rmtree", lambda *_, **__: None)  # a kill cleans nothing up
        with pytest.raises(Killed):
            world.pull(AA)
    assert len(list((world.lake.raw / AA).iterdir())) == 1
    assert world.land(AA) == []
    assert list((world.lake.raw / AA).iterdir()) == []
    assert [landed.status for landed in world.ingest(AA)[1]] == ["new"]


def test_a_damaged_raw_page_refuses_its_pull_only(world: World) -> None:
    world.pull(MODELS_DEV)
    (world.lake.raw / MODELS_DEV / stamp(T0) / "api.json").write_bytes(b"{}")
    world.wait()
    _, (damaged, good) = world.ingest(MODELS_DEV)
    assert (damaged.status, good.status) == ("invalid", "new")
    assert "sha256" in str(damaged.reason)
    state = world.state(MODELS_DEV)
    assert (state.last_status, state.failures, state.last_error) == ("new", 0, None)


def test_what_is_wrong_with_an_old_pull_is_not_the_state_of_now(world: World) -> None:
    world.wait()
    world.ingest(MODELS_DEV)
    before = world.state(MODELS_DEV)
    pages = [replace(page, body=b"<html>") for page in world.lake.read_raw(MODELS_DEV, world.now)]
    world.lake.land_raw(MODELS_DEV, T0, pages)
    assert [landed.status for landed in world.land(MODELS_DEV)] == ["invalid"]
    assert world.state(MODELS_DEV) == before


def test_a_late_pull_is_history_and_not_the_heartbeat(world: World) -> None:
    world.wait()
    world.ingest(MODELS_DEV)
    before, bronze = world.state(MODELS_DEV), world.bronze(MODELS_DEV)
    world.lake.land_raw(MODELS_DEV, T0, world.lake.read_raw(MODELS_DEV, world.now))
    assert [landed.status for landed in world.land(MODELS_DEV)] == ["new"]
    assert world.state(MODELS_DEV) == before
    after = world.bronze(MODELS_DEV)
    assert {name: after[name] for name in bronze} == bronze
    assert [record.observed_at for record in world.lake.records(MODELS_DEV)] == [world.now, T0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"null",
        b"[" * 100_000,
        json.dumps({"failures": "many", "last_verified_at": 5, "rows": -1, "quota": []}).encode(),
        json.dumps({"last_attempt_at": "yesterday", "newest_observed_at": "2026-01-01"}).encode(),
        json.dumps({"source": "other", "of a later version": 1}).encode(),
    ],
)
def test_a_damaged_state_is_told_anew_from_the_log(world: World, content: bytes) -> None:
    world.ingest(MODELS_DEV)
    good = world.state(MODELS_DEV)
    path = world.data / "state" / f"{MODELS_DEV}.json"
    path.write_bytes(content)
    assert world.state(MODELS_DEV) == SourceState(MODELS_DEV)
    assert world.state(MODELS_DEV).moment("last_verified_at") is None
    world.land(MODELS_DEV)
    assert world.state(MODELS_DEV) == replace(good, bad_values=None)
    path.write_bytes(content)
    world.publishers.fault(MODELS_DEV, Status(410))
    world.wait()
    world.ingest(MODELS_DEV)
    state = world.state(MODELS_DEV)
    assert (state.last_status, state.failures) == ("failed", 1)
    assert state.last_verified_at == iso(T0)


def test_what_is_good_in_a_state_is_kept(tmp_path: Path) -> None:
    write_state(tmp_path, SourceState(AA, last_verified_at=iso(T0), failures=2))
    path = tmp_path / f"{AA}.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, "rows": "many", "later": 1}), "utf-8")
    assert read_state(tmp_path, AA) == SourceState(AA, last_verified_at=iso(T0), failures=2)


def test_two_pulls_at_once_land_one_after_the_other(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(world.pull, [MODELS_DEV] * 4))
    assert sorted(outcome.observed_at for outcome in outcomes if outcome.observed_at) == [
        T0 + timedelta(microseconds=number) for number in range(4)
    ]
    with ThreadPoolExecutor(2) as pool:
        landed = [outcome for batch in pool.map(world.land, [MODELS_DEV] * 2) for outcome in batch]
    assert sorted(outcome.status for outcome in landed) == ["new"] + ["unchanged"] * 3
    assert len(world.bronze(MODELS_DEV)) == 1


# the quota --------------------------------------------------------------------------------------


def test_every_request_is_noted_before_it_is_made(world: World) -> None:
    usage = SourceUsage(world.data)
    world.publishers.fault(AA, Hang())
    assert world.pull(AA).status == "failed"
    noted = usage.rows()
    assert len(noted) == world.publishers.count(AA) > 0
    assert {row["source"] for row in noted} == {AA}
    assert not any("a-key-for-tests" in json.dumps(row) for row in noted)


def test_a_pull_that_would_exceed_the_quota_is_skipped_and_nobody_is_asked(world: World) -> None:
    usage = SourceUsage(world.data)
    for minute in range(100):
        usage.note(AA, world.now - timedelta(minutes=minute), "https://publisher.test/")
    outcome = world.pull(AA)
    assert (outcome.status, outcome.requests) == ("skipped", 0)
    assert outcome.reason is not None
    assert "all 100 requests of 24 h are used" in outcome.reason
    assert world.publishers.count(AA) == 0
    assert read_state(world.settings.locations.states, AA).last_status == "skipped"
    world.now += timedelta(hours=24)
    assert world.pull(AA).status == "pulled"
