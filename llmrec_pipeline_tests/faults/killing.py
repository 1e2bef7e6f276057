"""kill -9 at random moments."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from llmrec_pipeline_tests.e2e.command_line import Llmrec, base_environment
from llmrec_pipeline_tests.e2e.killed_runs import assert_completes, assert_whole, kill_when
from llmrec_pipeline_tests.faults.operations import OPERATIONS
from llmrec_pipeline_tests.faults.outcome import Fault, Outcome, Setting
from llmrec_pipeline_tests.publishers import Facts, Publishers

# Together with ten of `llmrec run`, a hundred.
_TIMES = {
    "landing a pull": 15,
    "loading": 15,
    "publishing": 10,
    "deciding": 15,
    "migrating": 15,
    "importing calls": 10,
    "spooling answers": 10,
}
_RUNS = 10


def killing(name: str) -> Fault:
    """The fault of killing an operation of `operations`."""
    return partial(_kill_operation, name)


def _kill_operation(name: str, setting: Setting) -> Outcome:
    operation, outcome = OPERATIONS[name], Outcome()
    base = setting.folder / "base"
    operation.prepare(base)
    usual_s = 0.0
    for number in range(setting.times(_TIMES[name])):
        data = setting.folder / str(number)
        shutil.copytree(base, data, symlinks=True)
        # The first one tells how long it takes, and is killed where it has come halfway or so.
        after_s = setting.dice.uniform(0, usual_s) if usual_s else 0.3
        told, took_s = _run_and_kill(name, data, after_s)
        usual_s = max(usual_s, took_s, 0.3)
        outcome.tries += 1
        operation.inspect(data, told, outcome)
        shutil.rmtree(data)
    return outcome


def acknowledged(
    name: str, data: Path, preexec_fn: Callable[[], None] | None = None
) -> tuple[list[str], str]:
    """What an operation acknowledged until it ended, and what it said on its way."""
    with _started(name, data, preexec_fn) as process:
        out, err = process.communicate("go\n", timeout=120)
    return _whole_lines(out)[1:], err


def _started(
    name: str, data: Path, preexec_fn: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "llmrec_pipeline_tests.faults.operations", name, str(data)],
        env=base_environment(data.parent),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=preexec_fn,
    )


def _whole_lines(out: str) -> list[str]:
    """A line that was cut short acknowledges nothing."""
    return [line.strip() for line in out.splitlines(keepends=True) if line.endswith("\n")]


def _run_and_kill(name: str, data: Path, after_s: float) -> tuple[list[str], float]:
    """What was acknowledged before the kill, and how long the operation ran."""
    with _started(name, data) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        process.stdin.write("go\n")
        process.stdin.flush()
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()
        took_s = time.monotonic() - started
        told = process.stdout.read()
    return _whole_lines(told), took_s


def kill_runs(setting: Setting) -> Outcome:
    """`llmrec run`, against publishers whose facts change from run to run."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        started = time.monotonic()
        llmrec.well("run")
        usual_s = time.monotonic() - started
        for _ in range(setting.times(_RUNS)):
            publishers.facts = publishers.facts.next_day()
            kill_when(llmrec, None, after_s=setting.dice.uniform(0.2, 1.0) * usual_s)
            outcome.tries += 1
            try:
                assert_whole(llmrec)
            except AssertionError as error:
                outcome.half += 1
                outcome.note(str(error).splitlines()[0])
        try:
            assert_completes(llmrec)
            outcome.healed = outcome.tries
        except AssertionError as error:
            outcome.note(str(error).splitlines()[0])
    return outcome
