"""Killed at any moment, nothing half is left and the next run completes."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable

import duckdb
import polars as pl
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from llmrec_pipeline_tests.e2e.command_line import (
    Llmrec,
    signals_as_in_a_terminal,
    signals_as_in_the_background,
)
from llmrec_pipeline_tests.publishers import SOURCES, Hang, Publishers

# What `llmrec run` does, by the first trace of it on disk: a kill at each of them, whatever the
# speed of the machine.
MOMENTS = {
    "importing": None,
    "pulling": "locks/lake-*.lock",
    "raw landed": "raw/*/*/manifest.json",
    "bronze landed": "bronze/*/pulls-*.jsonl",
    "warehouse open": "warehouse.duckdb*",
    "edition begun": "published/.*/silver_models.parquet",
}


def _kill_when(llmrec: Llmrec, pattern: str | None, after_s: float = 0.0) -> None:
    """Start a run and kill it when a file of that pattern appears that was not there, or after a
    while."""
    before = set(llmrec.data.glob(pattern)) if pattern else set()
    process = llmrec.start("run")
    deadline = time.monotonic() + 60
    while pattern and process.poll() is None and time.monotonic() < deadline:
        if set(llmrec.data.glob(pattern)) - before:
            break
        time.sleep(0.002)
    time.sleep(after_s)
    llmrec.kill(process)


def _assert_whole(llmrec: Llmrec) -> None:
    """No half pull, no half edition, and `current` is readable."""
    for manifest in llmrec.data.glob("raw/*/[!.]*/"):
        pages = json.loads((manifest / "manifest.json").read_text("utf-8"))["pages"]
        assert [p for p in pages if (manifest / p["name"]).stat().st_size != p["bytes"]] == []
    for path in llmrec.data.glob("bronze/*/[!.]*.parquet"):
        assert pl.read_parquet(path).height > 0
    for path in llmrec.data.glob("bronze/*/pulls-*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            name = json.loads(line)["bronze"]
            assert name is None or (path.parent / name).is_file()
    for path in llmrec.data.glob("state/*.json"):
        json.loads(path.read_text("utf-8"))
    for name in llmrec.editions():
        folder = llmrec.data / "published" / name
        tables = json.loads((folder / "edition.json").read_text("utf-8"))["tables"]
        assert json.loads((folder / "ranking.json").read_text("utf-8"))["edition"] == name
        for table in set(tables) - {"ranking"}:
            assert pl.read_parquet(folder / f"{table}.parquet").height == tables[table]["rows"]
    if (llmrec.data / "published" / "current").is_symlink():
        assert llmrec.current() in llmrec.editions()
        assert llmrec.well("recommend", "python", "--no-refresh")["recommendations"]


def _assert_completes(llmrec: Llmrec) -> None:
    started = time.monotonic()
    ran = llmrec.well("run")
    assert time.monotonic() - started < 60, "something waited for the run that was killed"
    assert [entry["success"] for entry in ran["runs"]] == [True, True]
    assert {row["origin"] for row in ran["sources"] if row["enabled"]} == {"live"}
    with duckdb.connect(str(llmrec.data / "warehouse.duckdb"), read_only=True) as con:
        doubles = con.sql(
            "SELECT source, source_model_id, observed_at FROM bronze_models GROUP BY ALL "
            "HAVING count(*) > 1"
        ).fetchall()
    assert doubles == []


@pytest.mark.slow
def test_killed_at_every_stage_of_the_first_runs(llmrec: Llmrec, publishers: Publishers) -> None:
    for pattern in MOMENTS.values():
        publishers.facts = publishers.facts.next_day()
        _kill_when(llmrec, pattern)
        _assert_whole(llmrec)
    _assert_completes(llmrec)
    # Every pull that landed was taken up, whichever run had landed it.
    for source in SOURCES:
        records = [
            json.loads(line)["observed_at"]
            for path in (llmrec.data / "bronze" / source).glob("pulls-*.jsonl")
            for line in path.read_text("utf-8").splitlines()
        ]
        landed = [path for path in (llmrec.data / "raw" / source).iterdir() if path.name[0] != "."]
        assert len(records) == len(set(records)) == len(landed)


def test_killed_while_an_edition_is_in_force(ran: Llmrec, publishers: Publishers) -> None:
    """Readers have an edition all the time, the next run waits for nothing that the killed one
    held, and Dagster is told what became of it."""
    edition = ran.current()
    publishers.facts = publishers.facts.next_day()
    _kill_when(ran, MOMENTS["edition begun"])
    _assert_whole(ran)
    assert ran.current() is not None
    _assert_completes(ran)
    assert ran.current() != edition
    assert list((ran.data / "published").glob(".[!.]*")) == []
    with DagsterInstance.from_config(str(ran.data / "dagster")) as instance:
        runs = instance.get_runs()
    assert [run.status for run in runs].count(DagsterRunStatus.FAILURE) == 1
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments(llmrec: Llmrec, publishers: Publishers, seed: int) -> None:
    dice = random.Random(seed)
    started = time.monotonic()
    llmrec.well("run")
    usual_s = time.monotonic() - started
    for _ in range(8):
        publishers.facts = publishers.facts.next_day()
        _kill_when(llmrec, None, after_s=dice.uniform(0.2, 1.1) * usual_s)
        _assert_whole(llmrec)
    _assert_completes(llmrec)


@pytest.mark.parametrize(
    ("number", "started"),
    [
        pytest.param(signal.SIGINT, signals_as_in_a_terminal, id="SIGINT"),
        pytest.param(signal.SIGTERM, signals_as_in_a_terminal, id="SIGTERM"),
        pytest.param(signal.SIGTERM, signals_as_in_the_background, id="SIGTERM-in-background"),
    ],
)
def test_asked_to_end_it_ends_soon_and_quietly(
    llmrec: Llmrec,
    publishers: Publishers,
    number: signal.Signals,
    started: Callable[[], None],
) -> None:
    """While it waits for publishers that do not answer."""
    publishers.fault_all(Hang())
    process = llmrec.start("run", preexec_fn=started)
    deadline = time.monotonic() + 60
    while not publishers.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (130, -number)
    assert "Traceback" not in said
    assert llmrec.editions() == []
