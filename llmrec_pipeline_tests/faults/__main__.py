"""`python -m llmrec_pipeline_tests.faults`: each fault, played on real processes and files.

Prints one table and, where all faults were played, writes it to `results/faults.md`. Exit code 1
where anything was lost, served wrong, left half, or not healed. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from llmrec_pipeline_tests.faults import damage, machine
from llmrec_pipeline_tests.faults.killing import CRASHED, crashing, kill_runs, killing
from llmrec_pipeline_tests.faults.operations import OPERATIONS
from llmrec_pipeline_tests.faults.outcome import Fault, Outcome, Setting, as_table
from llmrec_pipeline_tests.faults.publishers_that_lie import lying_publishers
from llmrec_pipeline_tests.measured_on import measured_on

RESULTS = Path(__file__).resolve().parent.parent / "results" / "faults.md"

FAULTS: dict[str, Fault] = {
    **{f"kill -9 while {name}": killing(name) for name in OPERATIONS},
    **{f"crash points while {name}": crashing(name) for name in CRASHED},
    "kill -9 of llmrec run": kill_runs,
    "full disk": machine.full_disk,
    "full disk under llmrec run": machine.full_disk_under_run,
    "read-only data folder": machine.read_only_folder,
    "clock going back": machine.clock_back,
    "warehouse held by another": machine.held_warehouse,
    "three runs, twenty readers": machine.many_at_once,
    "damaged raw page": damage.damaged_raw,
    "damaged bronze file": damage.damaged_bronze,
    "damaged edition": damage.damaged_edition,
    "damaged warehouse": damage.damaged_warehouse,
    "damaged calls of our own": damage.damaged_events,
    "damaged SQLite page": damage.damaged_sqlite,
    "publishers that lie": lying_publishers,
}

_NOT_PLAYED = (
    "A power cut is not played: a killed process leaves what the system has taken in. That files are "
    "synced before they count, `unit/test_files.py` tells."
)
_LIBRARIES = ("duckdb", "polars", "dagster", "sqlalchemy", "httpx")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the faults; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.faults", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=9, help="of the random moments")
    parser.add_argument("--only", metavar="NAME", help="faults whose name contains this")
    parser.add_argument("--short", action="store_true", help="one try of each, nothing written")
    parser.add_argument(
        "--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="of the results"
    )
    chosen = parser.parse_args(arguments)
    names = [name for name in FAULTS if (chosen.only or "") in name]
    if not names:
        parser.error(f"--only {chosen.only!r}: no such fault; there are: {', '.join(FAULTS)}")
    started = time.monotonic()
    rows = [(name, *play(name, chosen.seed, is_short=chosen.short)) for name in names]
    table = as_table(rows)
    sys.stdout.write(table)
    if len(names) == len(FAULTS) and not chosen.short:
        RESULTS.parent.mkdir(exist_ok=True)
        page = _page(table, chosen.date, chosen.seed, time.monotonic() - started)
        RESULTS.write_text(page, encoding="utf-8")
    return 0 if all(outcome.is_good for _, outcome, _ in rows) else 1


def play(name: str, seed: int, *, is_short: bool) -> tuple[Outcome, float]:
    """One fault in a folder of its own; what it came to, and the seconds that it took."""
    _progress(f"{name} ...")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="llmrec-faults-") as folder:
        # Equal dice for equal seeds, whichever faults are played.
        dice = random.Random(f"{seed} {name}")
        outcome = _outcome(FAULTS[name], Setting(Path(folder), dice, is_short))
    seconds = time.monotonic() - started
    verdict = "good" if outcome.is_good else "NOT GOOD"
    told = "; ".join(outcome.details)
    _progress(f"{name}: {verdict} after {seconds:.0f} s: {outcome.held} of {outcome.cases}; {told}")
    return outcome, seconds


def _outcome(fault: Fault, setting: Setting) -> Outcome:
    """What a fault came to; one that breaks off is a case lost, and no reason to leave the others."""
    try:
        return fault(setting)
    except Exception as error:  # noqa: BLE001 - whatever breaks off is told, and counts
        broken = Outcome()
        broken.broke(error)
        return broken


def _progress(told: str) -> None:
    sys.stderr.write(f"{told}\n")
    sys.stderr.flush()


def _page(table: str, day: date, seed: int, seconds: float) -> str:
    written = f"Written by `make faults` on {day}, in {seconds / 60:.0f} minutes; seed {seed}."
    return f"# Faults\n\n{written}\n\n{measured_on(_LIBRARIES)}\n\n{table}\n{_NOT_PLAYED}\n"


if __name__ == "__main__":
    sys.exit(main())
