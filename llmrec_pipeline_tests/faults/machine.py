"""What the machine does: a full disk, a folder that may not be written, a clock that goes back, and
processes that want the same at the same time."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import partial

from llmrec_pipeline_tests.e2e.command_line import Answer, Llmrec
from llmrec_pipeline_tests.e2e.killed_runs import assert_completes, assert_whole
from llmrec_pipeline_tests.faults.killing import acknowledged
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


def _limit_files(size: int) -> None:
    """No file grows beyond that many bytes: writes end in EFBIG, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def full_disk(setting: Setting) -> Outcome:
    """Each storage operation, with files that end at a random size."""
    outcome = Outcome()
    names = list(OPERATIONS)
    bases = {name: setting.folder / name for name in names}
    for name, base in bases.items():
        OPERATIONS[name].prepare(base)
    for number in range(setting.times(3 * len(names), 2)):
        name = names[number % len(names)]
        operation, data = OPERATIONS[name], setting.folder / str(number)
        shutil.copytree(bases[name], data, symlinks=True)
        size = int(2 ** setting.dice.uniform(9, 19))
        told, said = acknowledged(name, data, preexec_fn=partial(_limit_files, size))
        outcome.tries += 1
        operation.inspect(data, told, outcome)
        outcome.note("each ends with an error" if said else "some fitted")
        shutil.rmtree(data)
    return outcome


def full_disk_under_run(setting: Setting) -> Outcome:
    """`llmrec run` ends in one line, and the next one completes."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        for _ in range(setting.times(3)):
            # Room for Dagster's own database, which comes first; not for the warehouse.
            size = setting.dice.randrange(700_000, 1_500_000)
            process = llmrec.start("run", preexec_fn=partial(_limit_files, size))
            out, err = process.communicate(timeout=120)
            outcome.tries += 1
            _count_line(outcome, Answer(process.returncode, out, err), 1)
            assert_whole(llmrec)
        assert_completes(llmrec)
        outcome.healed = outcome.tries
    return outcome


def _count_line(outcome: Outcome, answer: Answer, *codes: int) -> None:
    """Count what is not one line with one of these exit codes."""
    lines = [line for line in answer.err.splitlines() if line.startswith("llmrec: ")]
    if answer.code not in codes or not lines or "Traceback" in answer.err:
        outcome.lost += 1
        outcome.note(f"exit {answer.code}: {answer.err[-300:]!r}")


def read_only_folder(setting: Setting) -> Outcome:
    """Writers say so in one line; readers go on."""
    outcome = Outcome()
    with Publishers(Facts.invented(), page_size=25) as publishers:
        llmrec = Llmrec(setting.folder / "data", publishers.environment())
        llmrec.well("run")
        paths = [llmrec.data, *llmrec.data.rglob("*")]
        modes = [(path, path.stat().st_mode) for path in paths if not path.is_symlink()]
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                outcome.note("not played: root may write anywhere, and setpriv is not there")
                return outcome
            bounded = "--bounding-set=-dac_override,-dac_read_search,-fowner"
            llmrec.command = ("setpriv", bounded, "--", *llmrec.command)
        for path, mode in modes:
            path.chmod(mode & ~0o222)
        try:
            for verb in ("run", "refresh", "rebuild"):
                answer = llmrec(verb)
                outcome.refusal(answer.err, str(llmrec.data))
            for arguments in (("recommend", "x"), ("models",), ("sql", "select 1")):
                outcome.tries += 1
                outcome.healed += llmrec(*arguments).code == 0
        finally:
            for path, mode in modes:
                path.chmod(mode)
    return outcome


def clock_back(setting: Setting) -> Outcome:
    """A clock that jumps back between pulls and refreshes loses no pull, and the content is that of
    the same pulls in order."""
    outcome = Outcome()
    for number in range(setting.times(4)):
        outcome.tries += 1
        moments = setting.dice.sample(range(12), 4)
        folder, ordered = (DataFolder(setting.folder / f"{kind}-{number}") for kind in "ab")
        for moment in moments:
            folder.land(AA, at(moment), models(20, quality_index=moment / 3))
            edition = folder.refresh(at(moment)).edition
            outcome.lost += edition.folder.resolve() != (folder.published / "current").resolve()
        for moment in sorted(moments):
            ordered.land(AA, at(moment), models(20, quality_index=moment / 3))
        outcome.healed += folder.digests(at(12)) == ordered.digests(at(12))
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
        outcome.tries += 1
        outcome.healed += waiting.returncode == 0
        if waiting.returncode:
            outcome.note(err[-200:])
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
            outcome.tries += 1
            is_well = process.returncode == 0 and "locked" not in err and "Traceback" not in err
            outcome.healed += is_well
            if not is_well:
                outcome.note(f"exit {process.returncode}: {err[-200:]!r}")
        assert_whole(llmrec)
    return outcome
