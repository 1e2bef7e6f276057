"""`python -m llmrec_pipeline_tests.benchmarks.report`: what a report costs after years of pulls.

Seconds and peak memory of building the report of an edition, in a process of its own, with the
charts' scripts made once before. Goal: below 10 s for 1,000 models and two years of pulls every six
hours, and a page below 3 MB.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llmrec_pipeline.locations import Locations, read_locations
from llmrec_pipeline.serving.report.building import build_content
from llmrec_pipeline.serving.report.charts import chart_kit
from llmrec_pipeline.serving.report.files import build_report
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline_tests.benchmarks.apart import apart
from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress
from llmrec_pipeline_tests.benchmarks.refresh_cost import build

TWO_YEARS = 2 * 365 * 4
_EVERYTHING, _PAGE = "content and both files, s", "page, MB"
GOAL_S, GOAL_MB = Goal(10), Goal(3)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.benchmarks.report", description=__doc__
    )
    parser.add_argument("--pulls", type=int, default=TWO_YEARS, help="pulls in the lake")
    parser.add_argument("--models", type=int, default=1000, help="models in each pull")
    parser.add_argument("--keep", type=Path, help="a folder to build in, which then stays")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        rows = _built(chosen.keep or Path(temporary), chosen.pulls, chosen.models)
    title = f"Report of {chosen.models} models after {chosen.pulls} pulls"
    lines = [f"{name:28}{value:10.2f}" for name, value in rows]
    goal = f"Goal: {GOAL_S} s in all, {GOAL_MB} MB; Python {platform.python_version()}."
    sys.stdout.write("\n".join([title, *lines, goal]) + "\n")


def figures(pulls: int = TWO_YEARS, models: int = 1000) -> list[Figure]:
    """The report of an edition: everything but the charts' scripts, and the page."""
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        rows = dict(_built(Path(temporary), pulls, models))
    what = f"report of {models:,} models after {pulls:,} pulls"
    return [
        Figure(what, rows[_EVERYTHING], "s", goal=GOAL_S),
        Figure("  its page", rows[_PAGE], "MB", goal=GOAL_MB),
    ]


def _built(data: Path, pulls: int, models: int) -> list[tuple[str, float]]:
    """What `_measured` gives of such a lake, which is built where there is none."""
    if not (data / "published").is_dir():
        progress(f"{pulls} pulls: writing, loading and publishing")
        build(data, pulls, models, lambda _: None)
    return apart(_measured, data)


def _measured(data: Path) -> list[tuple[str, float]]:
    locations = read_locations({"LLMREC_DATA_DIR": str(data)})
    edition = find_edition(locations.published, None)
    scripts = _seconds(lambda: chart_kit(locations.cache))
    content = _seconds(lambda: build_content(edition))
    everything = _seconds(lambda: build_report(edition, locations))
    return [
        ("scripts of the charts, s", scripts[0]),
        ("content, s", content[0]),
        ("  processor time, s", content[1]),
        (_EVERYTHING, everything[0]),
        ("  processor time, s", everything[1]),
        (_PAGE, _megabytes(edition.name, "report.html", locations)),
        ("Markdown, MB", _megabytes(edition.name, "report.md", locations)),
        ("peak memory, MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    ]


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """On the clock, and of the processor."""
    began, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - processor


def _megabytes(edition: str, name: str, locations: Locations) -> float:
    return (locations.reports / edition / name).stat().st_size / 1e6


if __name__ == "__main__":
    main()
