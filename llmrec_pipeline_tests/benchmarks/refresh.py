"""`python -m llmrec_pipeline_tests.benchmarks.refresh`: what one refresh costs after few and many pulls.

Prints one table: the figure after ten pulls, after many, and the ratio. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress
from llmrec_pipeline_tests.benchmarks.refresh_cost import STEPS, Cost, Refreshes, build

FEW = 10
TEN_YEARS = 14_600
A_MONTH = 110
GOAL = Goal(1.5)
FLAT = Goal(1.1)
_FEW = f"after {FEW}"


class Age(NamedTuple):
    """A lake of so many pulls, and how many it missed, being younger than the oldest."""

    pulls: int
    before: int

    @property
    def newest(self) -> int:
        """How many pulls the oldest lake has at that moment."""
        return self.before + self.pulls


def figures(pulls: int = TEN_YEARS, models: int = 500, repetitions: int = 5) -> list[Figure]:
    """One refresh after many pulls beside one after few, both in the first days of a month; then
    one at the end of that month, all of which a refresh writes anew."""
    # All end at the same moment, or some weeks later: what serves besides, bundled facts, is the same.
    ages = Age(FEW, pulls - FEW), Age(pulls, 0), Age(A_MONTH, pulls - FEW)
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        few, many, month = _measured(Path(temporary), ages, models, repetitions)[1]
    return [
        *_beside(f"refresh after {pulls:,} pulls of {models} models", many, few, GOAL, FLAT),
        Figure("  the sensor's question", many.of("sensor"), "s", _FEW, few.of("sensor")),
        *_beside(f"refresh after {A_MONTH} pulls in the month under way", month, few, GOAL, FLAT),
    ]


def _beside(what: str, ours: Cost, few: Cost, goal: Goal, flat: Goal) -> list[Figure]:
    return [
        Figure(what, ours.of(*STEPS), "s", _FEW, few.of(*STEPS), goal),
        Figure("  its peak memory", ours.peak_mib, "MiB", _FEW, few.peak_mib, flat),
        Figure("  its edition's own files", ours.edition_kib, "KiB", _FEW, few.edition_kib, flat),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Build both lakes in a temporary folder, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.benchmarks.refresh", description=__doc__
    )
    parser.add_argument("--pulls", type=int, default=TEN_YEARS, help="pulls of the large lake")
    parser.add_argument("--models", type=int, default=500, help="models in each pull")
    parser.add_argument("--repeat", type=int, default=9, help="refreshes behind each median")
    parser.add_argument("--keep", type=Path, help="an empty folder to build in, which then stays")
    chosen = parser.parse_args(arguments)
    ages = Age(FEW, chosen.pulls - FEW), Age(chosen.pulls, 0)
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        base = chosen.keep or Path(temporary)
        firsts, costs = _measured(base, ages, chosen.models, chosen.repeat)
    sys.stdout.write(_table(ages, costs, firsts, chosen.models, chosen.repeat))


def _measured(
    base: Path, ages: Sequence[Age], models: int, repetitions: int
) -> tuple[list[Cost], list[Cost]]:
    """Of each age, the first refresh, when everything is new, and one after one new pull; these in
    turn, so that whatever else the machine does falls on all alike."""
    firsts = [_build(base / str(age.pulls), age, models) for age in ages]
    with ExitStack() as stack:
        lakes = [
            stack.enter_context(Refreshes(base / str(age.pulls), age.newest, models))
            for age in ages
        ]
        for number in range(repetitions + 1):
            progress(f"refresh {number} of {repetitions}")
            for lake in lakes:
                lake.once(counts=number > 0)
        return firsts, [lake.cost for lake in lakes]


def _build(data: Path, age: Age, models: int) -> Cost:
    progress(f"{age.pulls} pulls: writing")
    first = build(data, age.pulls, models, _every(1000, age.pulls), before=age.before)
    progress(f"{age.pulls} pulls: loaded and published in {first.of(*STEPS):.1f} s")
    return first


def _every(step: int, pulls: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if done % step == 0:
            progress(f"{pulls} pulls: {done} written")

    return tell


def _table(
    ages: Sequence[Age],
    costs: Sequence[Cost],
    firsts: Sequence[Cost],
    models: int,
    repetitions: int,
) -> str:
    rows = [
        ("one refresh, ms", *(cost.of(*STEPS) * 1000 for cost in costs)),
        *((f"  {step}", *(cost.of(step) * 1000 for cost in costs)) for step in STEPS),
        ("  processor time, ms", *(cost.of("processor") * 1000 for cost in costs)),
        ("landing the pull, ms", *(cost.of("land") * 1000 for cost in costs)),
        ("asking for changes, ms", *(cost.of("sensor") * 1000 for cost in costs)),
        ("peak memory, MiB", *(cost.peak_mib for cost in costs)),
        ("edition's own files, KiB", *(cost.edition_kib for cost in costs)),
        ("warehouse file, MiB", *(cost.warehouse_mib for cost in costs)),
        ("first load of everything, s", *(cost.of(*STEPS) for cost in firsts)),
        ("  processor time, s", *(cost.of("processor") for cost in firsts)),
        ("  its peak memory, MiB", *(cost.peak_mib for cost in firsts)),
    ]
    few, many = (age.pulls for age in ages)
    lines = [
        f"Refresh after one new pull; pulls of {models} models; median of {repetitions}",
        f"{'':28}{few:>10} pulls{many:>10} pulls     ratio",
        *(f"{name:28}{a:16.1f}{b:16.1f}{b / a:10.2f}" for name, a, b in rows),
        f"Goal for one refresh: ratio {GOAL}. {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
