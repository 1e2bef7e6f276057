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

from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress
from llmrec_pipeline_tests.benchmarks.refresh_cost import STEPS, Cost, Refreshes, build

FEW = 10
TEN_YEARS = 14_600
GOAL = Goal(1.5)
FLAT = Goal(1.1)


def figures(pulls: int = TEN_YEARS, models: int = 500, repetitions: int = 5) -> list[Figure]:
    """One refresh after many pulls beside one after few."""
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        few, many = _both(Path(temporary), (FEW, pulls), models, repetitions)[1]
    against = f"after {FEW}"
    return [
        Figure(
            f"refresh after {pulls:,} pulls of {models} models",
            *(many.of(*STEPS), "s", against, few.of(*STEPS), GOAL),
        ),
        Figure("  its peak memory", many.peak_mb, "MB", against, few.peak_mb, FLAT),
        Figure("  its edition's own files", many.edition_kb, "KB", against, few.edition_kb, FLAT),
        Figure("  the sensor's question", many.of("sensor"), "s", against, few.of("sensor")),
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
    sizes = (FEW, chosen.pulls)
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        base = chosen.keep or Path(temporary)
        firsts, costs = _both(base, sizes, chosen.models, chosen.repeat)
    sys.stdout.write(_table(sizes, costs, firsts, chosen.models, chosen.repeat))


def _both(
    base: Path, sizes: Sequence[int], models: int, repetitions: int
) -> tuple[list[Cost], list[Cost]]:
    """Of each size, the first refresh, when everything is new, and one after one new pull."""
    newest = max(sizes)
    # All end at the same moment: what serves besides, bundled facts, is then the same.
    firsts = [_build(base / str(pulls), pulls, models, newest - pulls) for pulls in sizes]
    return firsts, _measure(base, sizes, newest, models, repetitions)


def _build(data: Path, pulls: int, models: int, before: int) -> Cost:
    progress(f"{pulls} pulls: writing")
    first = build(data, pulls, models, _every(1000, pulls), before=before)
    progress(f"{pulls} pulls: loaded and published in {first.of(*STEPS):.1f} s")
    return first


def _measure(
    base: Path, sizes: Sequence[int], newest: int, models: int, repetitions: int
) -> list[Cost]:
    """Both lakes in turn, so that whatever else the machine does falls on both alike."""
    with ExitStack() as stack:
        lakes = [
            stack.enter_context(Refreshes(base / str(pulls), newest, models)) for pulls in sizes
        ]
        for number in range(repetitions + 1):
            progress(f"refresh {number} of {repetitions}")
            for lake in lakes:
                lake.once(counts=number > 0)
        return [lake.cost for lake in lakes]


def _every(step: int, pulls: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if done % step == 0:
            progress(f"{pulls} pulls: {done} written")

    return tell


def _table(
    sizes: Sequence[int],
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
        ("peak memory, MB", *(cost.peak_mb for cost in costs)),
        ("edition's own files, KB", *(cost.edition_kb for cost in costs)),
        ("warehouse file, MB", *(cost.warehouse_mb for cost in costs)),
        ("first load of everything, s", *(cost.of(*STEPS) for cost in firsts)),
        ("  processor time, s", *(cost.of("processor") for cost in firsts)),
        ("  its peak memory, MB", *(cost.peak_mb for cost in firsts)),
    ]
    few, many = sizes
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
