"""`llmrec telemetry`: logs in, sums out; killed, repeated, in each other's way."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.usage_samples import (
    SHAPES,
    calls,
    otlp_document,
    write_csv,
    write_jsonl,
)

CALLS = calls(240)


@pytest.fixture
def own(tmp_path: Path) -> Llmrec:
    """The command on an empty data folder."""
    return Llmrec(tmp_path / "data", {"LLMREC_OFFLINE": "1"})


def _events(llmrec: Llmrec) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        files = f"{llmrec.data}/telemetry/events/day=*/*.parquet"
        return con.sql(
            f"SELECT source, event_id, started_at FROM '{files}' ORDER BY ALL"
        ).fetchall()


@pytest.mark.usefixtures("in_this_process")
def test_logs_of_two_tools_summed_up(own: Llmrec, tmp_path: Path) -> None:
    spans = write_jsonl(
        tmp_path / "spans.jsonl", [otlp_document([SHAPES["otel"].record(c)]) for c in CALLS]
    )
    (told,) = own.well("telemetry", "import", "--format", "otel", str(spans))["imports"]
    assert told["new"] == SHAPES["otel"].told(CALLS).new
    rows = write_csv(tmp_path / "e.csv", [SHAPES["llm_usage_events"].record(c) for c in CALLS])
    answer = own("telemetry", "import", "--format", "llm_usage_events", str(rows))
    assert answer.code == 0
    assert "--timezone" in answer.err
    table = own(
        *("telemetry", "import", "--format", "llm_usage_events", "--timezone", "UTC"),
        *("--output-format", "table", str(rows)),
    )
    assert (table.code, "naive_time" in table.err) == (0, False)

    summed = own.well("telemetry", "summary")
    events = _events(own)
    assert summed["events"] == summed["calls"] == len(events)
    assert [(row["source"], row["events"]) for row in summed["sources"]] == [
        ("llm_usage_events", sum(source != "otel" for source, *_ in events)),
        ("otel", told["new"]),
    ]
    assert summed["refused"]["input_tokens: negative"] == 3 * 12
    models = {row["canonical_model_key"] for row in summed["models"]}
    assert {"anthropic/claude-opus-4-5", "openai/gpt-5"} <= models
    assert summed["total_tokens"] == sum(row["total_tokens"] for row in summed["models"])
    day = own.well("telemetry", "summary", "--since", "2026-11-01", "--until", "2026-11-01")
    assert day["since"] == day["until"] == "2026-11-01"
    assert 0 < day["events"] < summed["events"]
    shown = own("telemetry", "summary", "--format", "table")
    assert "Refused so far:" in shown.out
    assert "counts twice" in shown.err
    assert "another place" not in shown.err
    elsewhere = own("telemetry", "summary", LLMREC_TELEMETRY_URL="sc://127.0.0.1:1")
    assert (elsewhere.code, "another place" in elsewhere.err) == (0, True)


@pytest.mark.usefixtures("in_this_process")
def test_names_that_no_source_knows_are_told_with_the_nearest(ran: Llmrec, tmp_path: Path) -> None:
    (known,) = ran.well("sql", "select min(base_model) as name from models_latest where listed")
    creator, _, base = known["name"].partition("/")
    line = {"request_id": "1", "startTime": "2026-11-01 10:00:00", "custom_llm_provider": creator}
    names = (base.partition("@")[0], f"{base.partition('@')[0]}x")
    rows = [{**line, "request_id": name, "model": name} for name in names]
    log = write_jsonl(tmp_path / "l.jsonl", rows)
    ran.well("telemetry", "import", "--format", "litellm", str(log))
    unknown = ran.well("telemetry", "summary")["unknown_models"]
    assert names[1] in {row["model_name"] for row in unknown}
    (found,) = [row for row in unknown if row["model_name"] == names[1]]
    assert found["nearest"] is not None
    assert found["reason"]


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("arguments", "named", "code"),
    [
        (("import", "--format", "otle", "x.jsonl"), "did you mean otel", 2),
        (("import", "--format", "litellm", "{log}"), "no column 'request_id'", 2),
        (("import", "--format", "litellm", "--timezone", "Mars", "{log}"), "Mars", 2),
        (("import", "--format", "csv", "--mapping", "{mapping}", "{log}"), "started_at", 5),
        (("summary", "--since", "soon"), "YYYY-MM-DD", 2),
        (("summary", "--since", "2026-11-02", "--until", "2026-11-01"), "--until", 2),
    ],
)
def test_a_wrong_call_is_one_line(
    own: Llmrec, tmp_path: Path, arguments: tuple[str, ...], named: str, code: int
) -> None:
    log, mapping = tmp_path / "log.csv", tmp_path / "mapping.yaml"
    log.write_text("id,when\n1,2\n")
    mapping.write_text("source: x\nfields: {event_id: id}\n")
    call = (told.format(log=log, mapping=mapping) for told in arguments)
    assert named in one_line(own("telemetry", *call), code)


@pytest.mark.usefixtures("in_this_process")
def test_a_log_of_nothing_but_mistakes_is_an_error(own: Llmrec, tmp_path: Path) -> None:
    log = write_jsonl(tmp_path / "l.jsonl", [{"request_id": "a"}])
    answer = own("telemetry", "import", "--format", "litellm", str(log))
    assert (answer.code, answer.json["imports"][0]["new"]) == (2, 0)
    assert "started_at: missing" in answer.err


def test_one_import_at_a_time(own: Llmrec, tmp_path: Path) -> None:
    log = write_jsonl(tmp_path / "l.jsonl", [SHAPES["litellm"].record(CALLS[0])])
    (own.data / "locks").mkdir(parents=True)
    with FileLock(own.data / "locks" / "telemetry.lock"):
        answer = own("telemetry", "import", "--format", "litellm", str(log))
    assert "another import is under way" in one_line(answer, 6)


def _many(count: int) -> Iterator[dict[str, Any]]:
    """Calls over some days, made as they are written."""
    pattern = [SHAPES["litellm"].record(call) for call in CALLS if call.trap is None]
    for number in range(count):
        record = pattern[number % len(pattern)]
        yield {**record, "request_id": f"r{number}", "session_id": f"s{number % 977}"}


def _write_many(path: Path, count: int) -> Path:
    with path.open("w") as handle:
        for record in _many(count):
            handle.write(f"{json.dumps(record)}\n")
    return path


def _killed_until_done(llmrec: Llmrec, log: Path, waits: Iterator[float]) -> int:
    """Import, killed after each of these waits unless it has ended; how often it was."""
    kills = 0
    for wait in waits:
        process = llmrec.start("telemetry", "import", "--format", "litellm", str(log))
        deadline = time.monotonic() + wait
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is not None:
            process.communicate()
            break
        llmrec.kill(process)
        kills += 1
        events = _events(llmrec) if (llmrec.data / "telemetry" / "events").exists() else []
        assert len(events) == len(set(events))
    return kills


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_moments_it_ends_as_once(own: Llmrec, tmp_path: Path, seed: int) -> None:
    log = _write_many(tmp_path / "l.jsonl", 120_000)
    once = Llmrec(tmp_path / "once" / "data")
    started = time.monotonic()
    (told,) = once.well("telemetry", "import", "--format", "litellm", str(log))["imports"]
    usual_s = time.monotonic() - started
    dice = random.Random(seed)
    kills = _killed_until_done(own, log, (dice.uniform(0.2, 0.8) * usual_s for _ in range(6)))
    assert kills
    (again,) = own.well("telemetry", "import", "--format", "litellm", str(log))["imports"]
    assert told["new"] == 120_000
    assert _events(own) == _events(once)
    if again["read"] == told["read"]:
        assert again["new"] + again["duplicate"] == told["new"]
    assert own.well("telemetry", "summary")["cut_short"] == []


def test_killed_between_chunks_it_goes_on(own: Llmrec, tmp_path: Path) -> None:
    log = _write_many(tmp_path / "l.jsonl", 30_000)
    process = own.start("telemetry", "import", "--format", "litellm", str(log))
    deadline = time.monotonic() + 60
    imports = own.data / "telemetry" / "imports"
    while not list(imports.glob("*/progress.json")) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before its first chunk"
        time.sleep(0.005)
    own.kill(process)
    assert not (own.data / "telemetry" / "events").exists()
    answer = own("telemetry", "summary")
    assert (answer.json["events"], answer.json["cut_short"]) == (0, [str(log)])
    assert "import it again" in answer.err
    (told,) = own.well("telemetry", "import", "--format", "litellm", str(log))["imports"]
    assert (told["resumed"], told["read"], told["new"], told["duplicate"]) == (
        True,
        30_000,
        30_000,
        0,
    )
    assert len(_events(own)) == 30_000


_MEMORY_MB = 700


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("form", ["by lines", "one document"])
def test_a_log_larger_than_the_memory_it_may_use(own: Llmrec, tmp_path: Path, form: str) -> None:
    """Peak memory of the command, against a log of more than that; prompts make most of it."""
    path = tmp_path / ("l.jsonl" if form == "by lines" else "l.json")
    prompt = "x" * 2_000
    with path.open("w") as handle:
        handle.write("" if form == "by lines" else "[")
        for number, record in enumerate(_many(320_000)):
            if form != "by lines" and number:
                handle.write(",")
            handle.write(json.dumps({**record, "messages": prompt}))
            if form == "by lines":
                handle.write("\n")
        handle.write("" if form == "by lines" else "]")
    assert path.stat().st_size > _MEMORY_MB * 2**20
    process = own.start(
        *("telemetry", "import", "--format", "litellm", str(path)),
        LLMREC_PIPELINE__WAREHOUSE__MAX_MEMORY_MB="256",
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    # Of this process alone, whatever else the tests have started.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    (told,) = json.loads(printed)["imports"]
    assert told["new"] == 320_000
    assert usage.ru_maxrss / 1024 < _MEMORY_MB
