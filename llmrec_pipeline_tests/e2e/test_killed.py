"""Killed at any moment, nothing half is left and the next run completes."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from llmrec_pipeline_tests.e2e.command_line import (
    Llmrec,
    signals_as_in_a_terminal,
    signals_as_in_the_background,
)
from llmrec_pipeline_tests.e2e.killed_runs import (
    MOMENTS,
    assert_completes,
    assert_whole,
    kill_when,
)
from llmrec_pipeline_tests.publishers import SOURCES, Hang, Publishers


@pytest.mark.slow
def test_killed_at_every_stage_of_the_first_runs(llmrec: Llmrec, publishers: Publishers) -> None:
    for pattern in MOMENTS.values():
        publishers.facts = publishers.facts.next_day()
        kill_when(llmrec, pattern)
        assert_whole(llmrec)
    assert_completes(llmrec)
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
    kill_when(ran, MOMENTS["edition begun"])
    assert_whole(ran)
    assert ran.current() is not None
    assert_completes(ran)
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
        kill_when(llmrec, None, after_s=dice.uniform(0.2, 1.1) * usual_s)
        assert_whole(llmrec)
    assert_completes(llmrec)


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
