"""The table of benchmarks tells each figure with what it is held against."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, table


@pytest.mark.parametrize(
    ("figure", "cells"),
    [
        (
            Figure("refresh", 3.0, "s", "after 10", 2.0, Goal(1.5)),
            ("refresh", "3 s", "after 10: 2 s", "1.50", "at most 1.5", "yes"),
        ),
        (
            Figure("refresh", 3.1, "s", "after 10", 2.0, Goal(1.5)),
            ("refresh", "3.1 s", "after 10: 2 s", "1.55", "at most 1.5", "no"),
        ),
        (
            Figure("API", 1234.5, "requests/s", "constant", 4000.0, Goal(0.4, at_least=True)),
            ("API", "1,234 requests/s", "constant: 4,000 requests/s", "0.31", "at least 0.4", "no"),
        ),
        (
            Figure("report", 0.01234, "s", goal=Goal(10)),
            ("report", "0.0123 s", "", "", "at most 10", "yes"),
        ),
        (Figure("audit", 12.0, "s"), ("audit", "12 s", "", "", "", "")),
    ],
)
def test_a_line_tells_ratio_and_goal(figure: Figure, cells: tuple[str, ...]) -> None:
    assert figure.cells() == cells
    *_, line = table([figure]).splitlines()
    assert tuple(cell.strip() for cell in line.strip("|").split("|")) == cells


def test_the_list_names_every_benchmark_without_running_any() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "llmrec_pipeline_tests.benchmarks", "--list"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.split()[0] for line in found.stdout.splitlines()}
    assert names == {
        *(
            "imports",
            "cold",
            "dagster",
            "ranking",
            "reading",
            "api",
            "report",
            "audit",
            "telemetry",
        ),
        "refresh",
    }
