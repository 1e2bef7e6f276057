"""What the machine does: a full disk, a folder that may not be written, a clock that goes back, and
processes that want the same at the same time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from llmrec_pipeline_tests.e2e.command_line import COMMAND, Answer, Llmrec
from llmrec_pipeline_tests.e2e.killed_runs import assert_whole
from llmrec_pipeline_tests.faults.killing import acknowledged, count_aftermath, stored
from llmrec_pipeline_tests.faults.mounts import (
    Wrapper,
    can_mount,
    read_only,
    small_disk,
    small_files,
    used,
)
from llmrec_pipeline_tests.faults.operations import OPERATIONS
from llmrec_pipeline_tests.faults.outcome import Outcome, Setting
from llmrec_pipeline_tests.publishers import Facts, Publishers
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at, models

_HOLDER = """
import sys, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""
_RUNS, _READERS = 3, 20
_LEAST_WRITTEN = 64 * 1024
# Root, to whom permission bits say nothing otherwise.
_WITHOUT_PRIVILEGE = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search,-fowner",
    "--",
)


def full_disk(setting: Setting) -> Outcome:
    """Each storage operation, with room for a random part of what it writes."""
    outcome = Outcome()
    names = list(OPERATIONS)
    for number in range(setting.times(3 * len(names), 2)):
        name = names[number % len(names)]
        operation, data = OPERATIONS[name], setting.folder / str(number)
        base = setting.folder / name
        if not base.exists():
            operation.prepare(base)
        shutil.copytree(base, data, symlinks=True)
        needed = _LEAST_WRITTEN if setting.is_short else _written(name, base)
        told, said = acknowledged(name, data, _full(data, needed, setting, outcome))
        outcome.cases += 1
        operation.inspect(data, told, outcome)
        outcome.tell("each ends with an error" if said else f"{name} fitted once")
        shutil.rmtree(data)
    return outcome


@cache
def _written(name: str, base: Path) -> int:
    """How many bytes more than the base an operation that ends well leaves."""
    data = base.with_name(f"{name} undisturbed")
    shutil.copytree(base, data, symlinks=True)
    acknowledged(name, data)
    return max(used(data) - used(base), _LEAST_WRITTEN)


def _full(folder: Path, needed: int, setting: Setting, outcome: Outcome) -> Wrapper:
    """Starts a command without room for what it needs, as far as this machine lets us."""
    if can_mount():
        outcome.tell("on a tmpfs of that size")
        return small_disk(folder, int(setting.dice.uniform(0, needed)))
    outcome.tell(
        "with files that end at a random size (EFBIG), since nothing may be mounted here; "
        "next: a user who may"
    )
    return small_files(int(2 ** setting.dice.uniform(9, 19)))


def full_disk_under_run(setting: Setting) -> Outcome:
    """`llmrec run` ends in one line, and the next one completes."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        needed, more = _taken_by_runs(setting, publishers)
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        llmrec.data.mkdir()
        for _ in range(setting.times(3)):
            before = stored(llmrec)
            wrapper = _full(llmrec.data, needed, setting, outcome)
            answer = Llmrec(llmrec.data, llmrec.environment, (*wrapper, *COMMAND))("run")
            outcome.cases += 1
            outcome.tell("each ends with an error" if answer.code else "one fitted")
            if answer.code:
                _count_line(outcome, answer, 1)
            count_aftermath(llmrec, before, outcome)
            publishers.facts = publishers.facts.next_day()
            needed = more
    return outcome


def _taken_by_runs(setting: Setting, publishers: Publishers) -> tuple[int, int]:
    """How many bytes a first run takes, and how many more the one after it."""
    llmrec = Llmrec(setting.folder / "undisturbed", publishers.environment())
    llmrec.well("run")
    first = used(llmrec.data)
    publishers.facts = publishers.facts.next_day()
    llmrec.well("run")
    return first, used(llmrec.data) - first


def _count_line(outcome: Outcome, answer: Answer, *codes: int) -> None:
    """Count what is not one line with one of these exit codes."""
    lines = [line for line in answer.err.splitlines() if line.startswith("llmrec: ")]
    if answer.code not in codes or not lines or "Traceback" in answer.err:
        outcome.lost += 1
        outcome.tell(f"exit {answer.code}: {answer.err[-300:]!r}")


def read_only_folder(setting: Setting) -> Outcome:
    """Writers say so in one line; readers go on."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        llmrec.well("run")
        with _unwritable(llmrec.data, outcome) as wrapper:
            llmrec.command = (*wrapper, *COMMAND)
            for verb in ("run", "refresh", "rebuild"):
                answer = llmrec(verb)
                outcome.refusal(answer.err, str(llmrec.data))
            for arguments in (("recommend", "x"), ("models",), ("sql", "select 1")):
                outcome.cases += 1
                outcome.held += llmrec(*arguments).code == 0
    return outcome


@contextmanager
def _unwritable(folder: Path, outcome: Outcome) -> Iterator[Wrapper]:
    """Starts a command that may not write there, as far as this machine lets us."""
    if can_mount():
        outcome.tell("mounted read-only")
        yield read_only(folder)
        return
    outcome.tell("by permission bits, since nothing may be mounted here; next: a user who may")
    paths = [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    modes = [(path, path.stat().st_mode) for path in paths]
    for path, mode in modes:
        path.chmod(mode & ~0o222)
    try:
        yield _WITHOUT_PRIVILEGE if os.geteuid() == 0 else ()
    finally:
        for path, mode in modes:
            path.chmod(mode)


def clock_back(setting: Setting) -> Outcome:
    """A clock that jumps back between pulls and refreshes loses no pull, and the content is that of
    the same pulls in order."""
    outcome = Outcome()
    for number in range(setting.times(4)):
        outcome.cases += 1
        moments = setting.dice.sample(range(12), 4)
        folder, ordered = (DataFolder(setting.folder / f"{kind}-{number}") for kind in "ab")
        for moment in moments:
            folder.land(AA, at(moment), models(20, quality_index=moment / 3))
            edition = folder.refresh(at(moment)).edition
            outcome.lost += edition.folder.resolve() != (folder.published / "current").resolve()
        for moment in sorted(moments):
            ordered.land(AA, at(moment), models(20, quality_index=moment / 3))
        outcome.held += folder.digests(at(12)) == ordered.digests(at(12))
    outcome.tell(
        "moments are passed in: no process can be given a clock of its own here; "
        "next: a virtual machine"
    )
    return outcome


def held_warehouse(setting: Setting) -> Outcome:
    """Who wants the warehouse waits, then names the process that holds it."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        llmrec.data.mkdir(parents=True)
        with subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(llmrec.data / "warehouse.duckdb")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            assert holder.stdin
            assert holder.stdout
            assert holder.stdout.readline() == "held\n"
            answer = llmrec("refresh", LLMREC_PIPELINE__WAREHOUSE__LOCK_WAIT_S="1")
            outcome.refusal(answer.err, "still held by process", str(holder.pid), "after 1 s")
            waiting = llmrec.start("refresh", LLMREC_PIPELINE__WAREHOUSE__LOCK_WAIT_S="60")
            with suppress(subprocess.TimeoutExpired):
                waiting.wait(3)
            holder.stdin.write("\n")
        _, err = waiting.communicate(timeout=120)
        outcome.cases += 1
        outcome.held += waiting.returncode == 0
        if waiting.returncode:
            outcome.tell(err[-200:])
    return outcome


def many_at_once(setting: Setting) -> Outcome:
    """Runs take turns and readers read, without an error."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        llmrec.well("run")
        publishers.facts = publishers.facts.next_day()
        questions = (("recommend", "python", "--no-refresh"), ("models",), ("sql", "select 1"))
        started = [llmrec.start("run") for _ in range(setting.times(_RUNS, 2))]
        started += [
            llmrec.start(*questions[number % len(questions)])
            for number in range(setting.times(_READERS, 3))
        ]
        for process in started:
            _, err = process.communicate(timeout=400)
            outcome.cases += 1
            is_well = process.returncode == 0 and "locked" not in err and "Traceback" not in err
            outcome.held += is_well
            if not is_well:
                outcome.tell(f"exit {process.returncode}: {err[-200:]!r}")
        assert_whole(llmrec)
    return outcome
