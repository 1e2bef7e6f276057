"""kill -9 while the work is under way: at random moments, and at each call that changes files."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline_tests.e2e.command_line import Llmrec, base_environment
from llmrec_pipeline_tests.e2e.killed_runs import assert_completes, assert_whole
from llmrec_pipeline_tests.faults.crash_points import sampled
from llmrec_pipeline_tests.faults.operations import OPERATIONS, Operation
from llmrec_pipeline_tests.faults.outcome import Fault, Outcome, Setting
from llmrec_pipeline_tests.publishers import Facts, Publishers

# A hundred, beside those of `llmrec run`.
_TIMES = {
    "landing a pull": 15,
    "loading": 15,
    "publishing": 10,
    "deciding": 15,
    "migrating": 15,
    "importing calls": 10,
    "spooling answers": 10,
    "draining answers": 10,
}
CRASHED = (
    "landing a pull",
    "publishing",
    "importing calls",
    "spooling answers",
    "draining answers",
)
"""The operations that change files by calls of Python. SQLite and DuckDB change theirs by their own."""
_POINTS, _FEW_POINTS = 40, 5
_RUNS = 10
# A guard against what hangs, not a speed.
_HANG_S = 120.0
_TASTE_S = 0.3


def killing(name: str) -> Fault:
    """The fault of killing an operation of `operations`."""
    return partial(_kill_operation, name)


def _kill_operation(name: str, setting: Setting) -> Outcome:
    operation, outcome = OPERATIONS[name], Outcome()
    base = setting.folder / "base"
    operation.prepare(base)
    # What was once done undisturbed tells from how long a time the moments are drawn.
    usual_s = _TASTE_S if setting.is_short else _HANG_S
    moments: list[float] = []
    while len(moments) < setting.times(_TIMES[name]):
        data = setting.folder / "killed"
        shutil.copytree(base, data, symlinks=True)
        after_s = setting.dice.uniform(0, usual_s) if usual_s < _HANG_S else _HANG_S
        told, took_s, is_killed = _run_and_kill(name, data, after_s)
        if is_killed:
            moments.append(after_s / usual_s)
            _inspect(operation, data, told, outcome)
        else:
            usual_s = took_s
        shutil.rmtree(data)
    outcome.tell(_spread(moments))
    return outcome


def crashing(name: str) -> Fault:
    """The fault of an operation that ends at calls that change files."""
    return partial(_crash_operation, name)


def _crash_operation(name: str, setting: Setting) -> Outcome:
    operation, outcome = OPERATIONS[name], Outcome()
    base, data = setting.folder / "base", setting.folder / "killed"
    operation.prepare(base)
    places = _places_passed(name, base)
    points = sampled(places, setting.times(_POINTS, _FEW_POINTS), setting.dice)
    for point in points:
        shutil.copytree(base, data, symlinks=True)
        crashed = _ended(name, data, crash_at=point)
        assert crashed.returncode == -signal.SIGKILL, f"{name} did not end {places[point]}"
        case = Outcome(half=_half_written(data))
        _inspect(operation, data, _acknowledged(crashed.stdout), case)
        if not case.is_good:
            outcome.tell(f"not good {places[point]}")
        outcome.add(case)
        shutil.rmtree(data)
    seen = len({places[point] for point in points})
    outcome.tell(f"{seen} of {len(set(places))} places, passed {len(places)} times")
    return outcome


def _places_passed(name: str, base: Path) -> list[str]:
    """The places of the crash points that an operation passes, undisturbed."""
    data = base.with_name("undisturbed")
    shutil.copytree(base, data, symlinks=True)
    ended = _ended(name, data, crash_at=-1)
    assert ended.returncode == 0, f"{name} failed by itself: {ended.stderr}"
    places: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return places


def _half_written(data: Path) -> int:
    """How many files of JSON that readers look at hold none."""
    half = 0
    for path in data.rglob("*.json"):
        if not any(part.startswith(".") for part in path.relative_to(data).parts):
            try:
                json.loads(path.read_bytes())
            except ValueError:
                half += 1
    return half


def _inspect(operation: Operation, data: Path, told: Sequence[str], outcome: Outcome) -> None:
    """Count a case; one whose inspection breaks off is lost."""
    try:
        operation.inspect(data, told, outcome)
    except Exception as error:  # noqa: BLE001 - whatever breaks off is told, and counts
        outcome.broke(error)
    else:
        outcome.cases += 1


def _spread(shares: Sequence[float]) -> str:
    return f"killed at {min(shares):.0%} to {max(shares):.0%} of the work"


def acknowledged(name: str, data: Path, wrapper: Sequence[str] = ()) -> tuple[list[str], str]:
    """What an operation acknowledged until it ended, and what it said on its way; a `wrapper` is a
    command that starts it."""
    ended = _ended(name, data, wrapper)
    return _acknowledged(ended.stdout), ended.stderr


def _ended(
    name: str, data: Path, wrapper: Sequence[str] = (), crash_at: int | None = None
) -> subprocess.CompletedProcess[str]:
    """An operation that came to its end, or to a crash point."""
    with _started(name, data, wrapper, crash_at) as process:
        out, err = process.communicate("go\n", timeout=_HANG_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _started(
    name: str, data: Path, wrapper: Sequence[str] = (), crash_at: int | None = None
) -> subprocess.Popen[str]:
    operation = [sys.executable, "-m", "llmrec_pipeline_tests.faults.operations", name, str(data)]
    if crash_at is not None:
        operation.append(str(crash_at))
    return subprocess.Popen(
        [*wrapper, *operation],
        env=base_environment(data.parent),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _acknowledged(out: str) -> list[str]:
    """What follows `ready`."""
    return _whole_lines(out)[1:]


def _whole_lines(out: str) -> list[str]:
    """A line that was cut short acknowledges nothing."""
    return [line.strip() for line in out.splitlines(keepends=True) if line.endswith("\n")]


def _run_and_kill(name: str, data: Path, after_s: float) -> tuple[list[str], float, bool]:
    """What was acknowledged, how long the operation ran, and whether it was killed."""
    with _started(name, data) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        process.stdin.write("go\n")
        process.stdin.flush()
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()
        took_s = time.monotonic() - started
        told, said = process.stdout.read(), process.stderr.read()
    assert process.returncode <= 0, f"{name} failed by itself: {said}"
    return _whole_lines(told), took_s, process.returncode < 0


def kill_runs(setting: Setting) -> Outcome:
    """`llmrec run`, against publishers whose facts change from run to run."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        started = time.monotonic()
        llmrec.well("run")
        usual_s = time.monotonic() - started
        while outcome.cases < setting.times(_RUNS):
            publishers.facts = publishers.facts.next_day()
            before = stored(llmrec)
            if _is_killed(llmrec, setting.dice.uniform(0, usual_s)):
                outcome.cases += 1
                count_aftermath(llmrec, before, outcome)
            else:
                usual_s *= 0.9
    return outcome


def _is_killed(llmrec: Llmrec, after_s: float) -> bool:
    """Start a run and kill it after a while; whether it was still under way."""
    process = llmrec.start("run")
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        llmrec.kill(process)
        return True
    process.communicate()
    assert process.returncode == 0
    return False


def count_aftermath(llmrec: Llmrec, before: set[str], outcome: Outcome) -> None:
    """Count what a run that did not end well has lost of what was stored, what it has left half,
    and whether the next run completes."""
    outcome.lost += len(before - stored(llmrec))
    try:
        assert_whole(llmrec)
    except AssertionError as error:
        outcome.half += 1
        outcome.tell(str(error).splitlines()[0])
    try:
        assert_completes(llmrec)
        outcome.held += 1
    except AssertionError as error:
        outcome.tell(str(error).splitlines()[0])


def stored(llmrec: Llmrec) -> set[str]:
    """The pulls that are recorded and the editions that are published."""
    lake = Lake(llmrec.data)
    pulls = (f"{r.source} {r.observed_at}" for name in lake.sources() for r in lake.records(name))
    return {*pulls, *llmrec.editions()}
