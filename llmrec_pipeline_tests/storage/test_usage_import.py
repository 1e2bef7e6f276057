"""Logs of every tool into the partitions: what is counted, what is kept, and what never is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import create_engine, text

from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.inputs import hash_inputs, present_inputs
from llmrec_pipeline.storage.usage_partitions import UsagePartitions
from llmrec_pipeline.storage.usage_seals import TelemetryError
from llmrec_pipeline.storage.usage_staging import Staging, outcomes
from llmrec_pipeline.telemetry import importing
from llmrec_pipeline.telemetry.formats import LogFormat, open_log, read_mapping
from llmrec_pipeline.telemetry.importing import Asked, Imported, import_log
from llmrec_pipeline.telemetry.log import Entry, Log, Place, UsageLogError
from llmrec_pipeline_tests.storage.pulled import LMARENA, DataFolder, at, models
from llmrec_pipeline_tests.usage_samples import (
    OWN_MAPPING,
    SECRET,
    SHAPES,
    USER,
    Call,
    Told,
    calls,
    otlp_document,
    write_csv,
    write_jsonl,
    write_parquet,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALLS = calls(240)


class Telemetry:
    """Imports into a data folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings: Settings = load_settings({"LLMREC_DATA_DIR": str(root / "data")})
        self.places = self.settings.locations
        self.mapping = root / "own.yaml"
        root.mkdir(exist_ok=True)
        self.mapping.write_text(OWN_MAPPING)

    def open(self, form: str, place: object) -> tuple[Log, Asked]:
        log_format = LogFormat(form)
        own = self.mapping if form in ("csv", "jsonl", "parquet") else None
        mapping = read_mapping(log_format, self.places.config, own)
        return open_log(log_format, str(place), mapping), Asked(mapping)

    def take_in(self, form: str, place: object, **how: Any) -> Imported:
        log, asked = self.open(form, place)
        return self.run(log, Asked(asked.mapping, **how))

    def run(self, log: Log, asked: Asked) -> Imported:
        return import_log(log, asked, self.settings, NOW, lambda _done, _size: None)

    def events(self, columns: str = "*") -> list[dict[str, Any]]:
        """What a reader finds by a plain glob, in an order of its own."""
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            found = con.sql(
                f"SELECT {columns} FROM '{self.places.usage_events}/day=*/*.parquet' ORDER BY ALL"
            )
            return found.pl().to_dicts()

    def digest(self) -> str:
        return UsagePartitions(self.places.usage_events).digest()

    def rejects(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for path in self.places.usage_rejects.glob("*.jsonl")
            for line in path.read_text("utf-8").splitlines()
        ]


@pytest.fixture
def telemetry(tmp_path: Path) -> Telemetry:
    return Telemetry(tmp_path)


def _well() -> list[Call]:
    """The calls without a trap, each once."""
    return list({call.id: call for call in CALLS if call.trap is None}.values())


def _records(shape: str, made: Sequence[Call] = CALLS) -> list[dict[str, Any]]:
    return [SHAPES[shape].record(call) for call in made]


def _batches(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [otlp_document(records[i : i + 7]) for i in range(0, len(records), 7)]


Write = Callable[[Path], Path]
# By sample: the format, the shape of its records, and how they are written.
SAMPLES: dict[str, tuple[str, str, Write]] = {
    "otel by lines": (
        "otel",
        "otel",
        lambda f: write_jsonl(f / "spans.jsonl", _batches(_records("otel"))),
    ),
    "otel in one document": (
        "otel",
        "otel",
        lambda f: _written(f / "spans.json", json.dumps(otlp_document(_records("otel")), indent=1)),
    ),
    "flat spans": (
        "otel",
        "flat spans",
        lambda f: write_jsonl(f / "spans.jsonl", _records("flat spans")),
    ),
    "litellm csv": ("litellm", "litellm", lambda f: write_csv(f / "l.csv", _records("litellm"))),
    "litellm parquet": (
        "litellm",
        "litellm",
        lambda f: write_parquet(f / "l.parquet", _records("litellm")),
    ),
    "llm_usage_events": (
        "llm_usage_events",
        "llm_usage_events",
        lambda f: write_csv(f / "e.csv", _records("llm_usage_events")),
    ),
    "langfuse json": (
        "langfuse",
        "langfuse",
        lambda f: _written(f / "o.json", json.dumps(_records("langfuse"))),
    ),
    "langfuse api": (
        "langfuse",
        "langfuse",
        lambda f: _written(
            f / "o.json", json.dumps({"data": _records("langfuse"), "meta": {"page": 1}})
        ),
    ),
    "langfuse csv": (
        "langfuse",
        "langfuse",
        lambda f: write_csv(f / "o.csv", _records("langfuse")),
    ),
    "openrouter": (
        "openrouter",
        "openrouter",
        lambda f: write_csv(f / "activity.csv", _records("openrouter")),
    ),
    "own csv": ("csv", "own", lambda f: write_csv(f / "own.csv", _records("own"))),
    "own jsonl": ("jsonl", "own", lambda f: write_jsonl(f / "own.jsonl.gz", _records("own"))),
    "own parquet": ("parquet", "own", lambda f: write_parquet(f / "own.parquet", _records("own"))),
}


def _written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def _assert_told(imported: Imported, told: Told) -> None:
    counts = (imported.read, imported.new, imported.duplicate, imported.not_calls)
    assert counts == (told.read, told.new, told.duplicate, told.not_calls)
    assert imported.refused == dict(told.refused)
    assert imported.noted == dict(told.noted)
    # Nothing is lost: every record is an event, no call, or refused.
    assert imported.read == (
        imported.new + imported.duplicate + imported.not_calls + sum(imported.refused.values())
    )


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_of_each_tool(telemetry: Telemetry, tmp_path: Path, sample: str) -> None:
    form, shape, write = SAMPLES[sample]
    path = write(tmp_path)
    first = telemetry.take_in(form, path)
    _assert_told(first, SHAPES[shape].told(CALLS))
    events, digest = telemetry.events(), telemetry.digest()
    assert len(events) == first.new
    rejects = telemetry.rejects()
    assert Counter(f"{line['field']}: {line['reason']}" for line in rejects) == Counter(
        first.refused
    ) + Counter(first.noted)
    _assert_no_text_is_kept(telemetry)
    # Once more, and a part of it under another name: nothing is new, and nothing is told twice.
    again = telemetry.take_in(form, path)
    assert (again.new, again.updated, again.days) == (0, 0, ())
    assert again.duplicate == first.new + first.duplicate
    assert (telemetry.events(), telemetry.digest()) == (events, digest)
    assert telemetry.rejects() == rejects


def _assert_no_text_is_kept(telemetry: Telemetry) -> None:
    for path in telemetry.places.data.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += str(duckdb.sql(f"FROM '{path}'").fetchall()).encode()
        for text_ in (SECRET, USER):
            assert text_.encode() not in content, path


def test_an_event_as_it_is_kept(telemetry: Telemetry, tmp_path: Path) -> None:
    """By one call of each tool, column by column."""
    call = next(call for call in CALLS if call.trap is None and call.ok and call.cached)
    for form in ("otel", "litellm", "langfuse", "llm_usage_events"):
        record = SHAPES[form].record(call)
        line = otlp_document([record]) if form == "otel" else record
        telemetry.take_in(form, write_jsonl(tmp_path / f"{form}.jsonl", [line]))
    kept = {
        event["source"]: {
            name: value for name, value in event.items() if value is not None and name != "source"
        }
        for event in telemetry.events()
    }
    seconds = (call.end - call.start).total_seconds()
    common = {
        "event_id": call.id,
        "started_at": call.start,
        "day": call.start.date(),
        "operation_name": "chat",
        "request_model": call.model,
        "input_tokens": call.input,
        "output_tokens": call.output,
        "total_tokens": call.total,
        "role": call.role,
        "calls": 1,
    }
    measured = common | {
        "duration_s": seconds,
        "status": "ok",
        "cache_read_input_tokens": call.cached,
        "reasoning_output_tokens": call.reasoning,
    }
    hashed = {name: event.pop("user_hash", None) for name, event in kept.items()}
    assert len({hashed[name] for name in ("otel", "litellm", "langfuse")}) == 1
    assert len(str(hashed["otel"])) == 64
    assert kept["otel"] == measured | {
        "event_id": f"{'ab' * 8}{call.id}:{call.id}",
        "provider_name": call.provider,
        "time_to_first_chunk_s": 0.25,
        "finish_reasons": '["stop"]',
        "evaluation_name": "relevance",
        "evaluation_score": 0.5,
    }
    assert kept["litellm"] == measured | {
        "provider_name": call.provider,
        "conversation_id": f"session-{call.number % 5}",
        "cost_usd": 0.000125,
    }
    assert kept["langfuse"] == measured | {
        "conversation_id": f"trace-{call.number % 9}",
        "agent_name": "summarise",
        "cost_usd": 0.002,
    }
    assert kept["llm_usage_events"] == common | {
        "provider_name": call.provider,
        "conversation_id": f"run-{call.number % 4}",
    }


def test_both_exporters_of_a_span_tell_of_one_event(telemetry: Telemetry, tmp_path: Path) -> None:
    made = _well()[:20]
    telemetry.take_in("otel", write_jsonl(tmp_path / "a.jsonl", _batches(_records("otel", made))))
    flat = write_jsonl(tmp_path / "b.jsonl", _records("flat spans", made))
    imported = telemetry.take_in("otel", flat)
    assert (imported.new, imported.duplicate + imported.updated) == (0, len(made))


def test_users_are_hashed_unless_told_otherwise(telemetry: Telemetry, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "l.jsonl", _records("litellm", CALLS[:2]))
    telemetry.take_in("litellm", path)
    salt = telemetry.places.states / "user_salt"
    assert salt.stat().st_mode & 0o777 == 0o600
    (hashed,) = {row["user_hash"] for row in telemetry.events("user_hash")}
    elsewhere = Telemetry(tmp_path / "elsewhere")
    elsewhere.take_in("litellm", path)
    assert elsewhere.events("user_hash")[0]["user_hash"] != hashed
    told = Telemetry(tmp_path / "told")
    told.take_in("litellm", path, keep_user_ids=True)
    assert {row["user_hash"] for row in told.events("user_hash")} == {USER}


def test_a_stated_zone_places_naive_moments(telemetry: Telemetry, tmp_path: Path) -> None:
    naive = [call for call in CALLS if call.trap == "naive"][:1]
    path = write_csv(tmp_path / "e.csv", _records("llm_usage_events", naive))
    assert telemetry.take_in("llm_usage_events", path).refused == {"started_at: naive_time": 1}
    imported = telemetry.take_in("llm_usage_events", path, timezone="Asia/Tokyo")
    assert imported.new == 1
    (row,) = telemetry.events("started_at")
    assert (naive[0].start - row["started_at"]).total_seconds() == 9 * 3600


def _fill(url: str, statements: Sequence[str], table: str, rows: Sequence[dict[str, Any]]) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
        columns = ", ".join(f'"{name}"' for name in rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        connection.execute(text(f'INSERT INTO "{table}" ({columns}) VALUES ({values})'), list(rows))
    engine.dispose()


def test_spend_logs_where_they_are(telemetry: Telemetry, postgresql_url: str) -> None:
    """In a PostgreSQL, whose types do not let every trap in."""
    made = [call for call in CALLS if call.trap != "wrong_type"]
    rows = [
        {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in SHAPES["litellm"].record(call).items()
        }
        | {"number": call.number}
        for call in made
    ]
    columns = (
        "number INTEGER PRIMARY KEY, request_id TEXT, call_type TEXT, spend DOUBLE PRECISION, "
        "total_tokens INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER, "
        '"startTime" TIMESTAMP(3), "endTime" TIMESTAMP(3), "completionStartTime" TIMESTAMP(3), '
        'model TEXT, model_group TEXT, custom_llm_provider TEXT, "user" TEXT, end_user TEXT, '
        "cache_hit TEXT, session_id TEXT, status TEXT, metadata JSONB, messages JSONB, "
        "response JSONB, proxy_server_request TEXT"
    )
    create = f'CREATE TABLE "LiteLLM_SpendLogs" ({columns})'
    _fill(postgresql_url, [create], "LiteLLM_SpendLogs", rows)
    bare = postgresql_url.replace("+psycopg", "")
    imported = telemetry.take_in("litellm", bare)
    _assert_told(imported, SHAPES["litellm"].told(made))
    sums = "sum(reasoning_output_tokens) AS reasoned, count(time_to_first_chunk_s) AS streamed"
    kept = {call.id: call.reasoning for call in made if call.trap not in ("negative", "no_call")}
    assert telemetry.events(sums) == [{"reasoned": sum(kept.values()), "streamed": 0}]
    _assert_no_text_is_kept(telemetry)
    again = telemetry.take_in("litellm", bare)
    assert (again.new, again.updated, again.read) == (0, 0, imported.read)


def test_outcomes_and_retries_come_from_phases_and_runs(
    telemetry: Telemetry, database_url: str
) -> None:
    made = _well()
    rows = [
        {
            name: value
            for name, value in SHAPES["llm_usage_events"].record(call).items()
            if name not in ("notes", "created_at")
        }
        | {"created_at": call.start.isoformat()}
        for call in made
    ]
    # One phase in six has failed, one has not ended; phase-3 is there twice, and so says nothing.
    states = {0: "FAILED", 1: "EXECUTING"}
    phases = [
        f"INSERT INTO phases VALUES ('run-{n % 4}', 'phase-{n}', '{states.get(n, 'COMPLETE')}', {n})"
        for n in (*range(11), 3)
    ]
    statements = [
        "CREATE TABLE llm_usage_events (id TEXT, provider TEXT, model TEXT, run_id TEXT, "
        "phase_id TEXT, role TEXT, total_tokens INTEGER NOT NULL, prompt_tokens INTEGER, "
        "completion_tokens INTEGER, created_at TEXT)",
        "CREATE TABLE phases (run_id TEXT, phase_id TEXT, state TEXT, retry_attempt INTEGER)",
        "CREATE TABLE runs (id TEXT, state TEXT)",
        *phases,
        *(f"INSERT INTO runs VALUES ('run-{n}', 'DONE_SUCCESS')" for n in range(4)),
    ]
    _fill(database_url, statements, "llm_usage_events", rows)
    imported = telemetry.take_in("llm_usage_events", database_url)
    assert (imported.new, imported.refused) == (len(made), {})
    found = {row["event_id"]: row for row in telemetry.events("event_id, status, retries")}
    for call in made:
        number = call.number % 12
        alone = number != 3 and number != 11
        status = {0: "error", 1: None}.get(number, "ok")
        row = found[call.id]
        assert (row["status"], row["retries"]) == (status, number if alone else None)


class _Breaks:
    """A log whose import is interrupted behind so many entries."""

    def __init__(self, log: Log, after: int) -> None:
        self._log, self._after = log, after
        self.name, self.size, self.fingerprint = log.name, log.size, log.fingerprint

    def read(self, after: Place, /) -> Iterator[Entry]:
        for entry in self._log.read(after):
            if entry.place.entry > self._after:
                raise KeyboardInterrupt
            yield entry


@pytest.mark.parametrize("sample", ["otel by lines", "own csv", "own jsonl", "own parquet"])
def test_an_import_goes_on_where_it_was_cut_short(
    telemetry: Telemetry, tmp_path: Path, sample: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_CHUNK_EVENTS", 25)
    form, shape, write = SAMPLES[sample]
    log, asked = telemetry.open(form, write(tmp_path))
    once = Telemetry(tmp_path / "once")
    expected = once.run(log, asked)
    entries = sum(1 for _ in log.read(Place()))
    for part in (0.3, 0.7):
        with pytest.raises(KeyboardInterrupt):
            telemetry.run(_Breaks(log, int(entries * part)), asked)
        assert not telemetry.places.usage_events.exists()
    imported = telemetry.run(log, asked)
    assert imported.resumed
    _assert_told(imported, SHAPES[shape].told(CALLS))
    assert (imported.new, imported.days) == (expected.new, expected.days)
    assert len(telemetry.rejects()) == len(once.rejects())
    if "user_hash" not in str(asked.mapping.fields):
        assert telemetry.events("event_id, started_at") == once.events("event_id, started_at")


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b"\xff", b'{"log":'])
def test_an_import_without_sound_progress_begins_anew(
    telemetry: Telemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    monkeypatch.setattr(importing, "_CHUNK_EVENTS", 25)
    log, asked = telemetry.open("jsonl", write_jsonl(tmp_path / "own.jsonl", _records("own")))
    with pytest.raises(KeyboardInterrupt):
        telemetry.run(_Breaks(log, 60), asked)
    (progress,) = telemetry.places.usage_imports.glob("*/progress.json")
    progress.write_bytes(damage)
    _assert_told(telemetry.run(log, asked), SHAPES["own"].told(CALLS))
    assert len(telemetry.events()) == SHAPES["own"].told(CALLS).new
    (outcome,) = telemetry.places.usage_imports.glob("*.json")
    assert len(outcomes(telemetry.places.usage_imports)) == 1
    outcome.write_bytes(damage)
    with pytest.raises(TelemetryError, match=f"{outcome.name}: damaged; remove it"):
        outcomes(telemetry.places.usage_imports)


def test_a_merge_that_was_cut_short_is_told_as_once(
    telemetry: Telemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two days: the first is merged again, and counts as it did."""
    log, asked = telemetry.open("jsonl", write_jsonl(tmp_path / "own.jsonl", _records("own")))
    merge = UsagePartitions.merge
    merged: list[object] = []

    def breaks(*arguments: Any) -> Any:
        if len(merged) == 2:
            raise KeyboardInterrupt
        merged.append(merge(*arguments))
        return merged[-1]

    monkeypatch.setattr(UsagePartitions, "merge", breaks)
    with pytest.raises(KeyboardInterrupt):
        telemetry.run(log, asked)
    monkeypatch.setattr(UsagePartitions, "merge", merge)
    assert 0 < len(telemetry.events()) < SHAPES["own"].told(CALLS).new
    _assert_told(telemetry.run(log, asked), SHAPES["own"].told(CALLS))
    assert len(telemetry.events()) == SHAPES["own"].told(CALLS).new


def test_an_import_that_was_killed_at_its_very_end_is_told_as_once(
    telemetry: Telemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, asked = telemetry.open("jsonl", write_jsonl(tmp_path / "own.jsonl", _records("own")))

    def dies(_staging: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Staging, "_remove", dies)
        with pytest.raises(KeyboardInterrupt):
            telemetry.run(log, asked)
    rejects, digest = telemetry.rejects(), telemetry.digest()
    _assert_told(telemetry.run(log, asked), SHAPES["own"].told(CALLS))
    assert (telemetry.rejects(), telemetry.digest()) == (rejects, digest)
    assert [path.suffix for path in telemetry.places.usage_imports.iterdir()] == [".json"]


def test_an_import_makes_an_edition_and_the_same_again_none(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.fixture = Fixture(folder.settings.locations.fixture, folder.settings)
    folder.land(LMARENA, at(0), models(10))
    manifest = folder.refresh(at(0)).manifest

    def is_present(told: Mapping[str, Any]) -> bool:
        present = present_inputs(folder.settings, folder.lake, at(0), told)
        return bool(hash_inputs(present) == told["inputs_hash"])

    assert is_present(manifest)
    telemetry = Telemetry(tmp_path)
    path = write_jsonl(tmp_path / "l.jsonl", _records("litellm", CALLS[:30]))
    telemetry.take_in("litellm", path)
    assert not is_present(manifest)
    published = folder.refresh(at(0))
    assert published.is_new
    assert is_present(published.manifest)
    telemetry.take_in("litellm", path)
    assert is_present(published.manifest)


@pytest.mark.parametrize(
    ("form", "place", "content", "named"),
    [
        ("otel", "nothing.jsonl", None, "no such file"),
        ("litellm", "log.bin", "x", "what kind of file it is does not show; endings: .csv"),
        ("langfuse", "log.json", '[{"id": 1}, {"id"', "is no JSON, or is cut short"),
        ("parquet", "log.parquet", "id,when", "is no Parquet file"),
        ("litellm", "log.csv", "", "has no column 'request_id'"),
        ("litellm", "log.csv.gz", "request_id", "is no whole gzip file"),
        ("otel", "sqlite:///x", None, "reads files; give a path"),
        ("litellm", "sqlite:///nothing", None, "no such file"),
        ("litellm", "mysql://me:secret@host/x", None, "mysql:// is not supported"),
        ("litellm", "postgresql://:secret@127.0.0.1:9/x", None, "refused"),
        ("langfuse", "postgresql://:secret@127.0.0.1:9/x", None, "which table"),
    ],
)
def test_a_log_that_cannot_be_read(
    telemetry: Telemetry, tmp_path: Path, form: str, place: str, content: str | None, named: str
) -> None:
    path = place if "://" in place else tmp_path / place
    if content is not None:
        Path(path).write_text(content)
    with pytest.raises(UsageLogError) as told:
        telemetry.take_in(form, path)
    assert named in str(told.value)
    assert "secret" not in str(told.value)
    assert telemetry.rejects() == list(telemetry.places.usage_imports.glob("*")) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ("fields: {event_id: id}", "started_at is missing"),
        ("fields: {event_id: id, started_at: at, tokens: n}", "'tokens' is no part of an event"),
        ("fields: {event_id: id, started_at: {path: at, join: [b]}}", "path and join"),
        ("fields: {event_id: id, started_at: {path: at, time_format: unix}}", "epoch_ms"),
        ("fields: {event_id: id, started_at: at, cost_usd: {path: c, unit: eur}}", "cents"),
        ("fields: {event_id: id, started_at: at, user_id: {plus: n}}", "user_id has plus"),
        ("fields: {event_id: id, started_at: {until: at}}", "started_at has until"),
        ("timezone: Mars\nfields: {event_id: id, started_at: at}", "Europe/Berlin"),
        ("colour: red\nfields: {event_id: id, started_at: at}", "unknown key"),
    ],
)
def test_a_wrong_mapping_is_told(telemetry: Telemetry, changed: str, named: str) -> None:
    telemetry.mapping.write_text(f"source: x\n{changed}\n")
    with pytest.raises(SettingsError, match=re.escape(str(telemetry.mapping))) as told:
        read_mapping(LogFormat.CSV, telemetry.places.config, telemetry.mapping)
    assert named in str(told.value)
