"""`python -m llmrec_pipeline_tests.slow`: the tests that run only here, and a page of their results.

Runs what is marked `slow` on as many processes as `--workers` says. The whole tier writes
`llmrec_pipeline_tests/results/slow.md`: each test, what it proves (its docstring's first line, else
its name), its result and its seconds, and the machine's description. The page is written anew after
each test, so that a run that is stopped leaves what it found. Some tests only, named as pytest names
them, write nothing. The exit code is pytest's.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.measured_on import measured_on

RESULTS = Path(__file__).with_name("results") / "slow.md"
_NOT_RUN = "not run"


@dataclass
class Found:
    """What one test came to; seconds with what it was set up with."""

    result: str = _NOT_RUN
    seconds: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """One phase of it: a failure of any decides, and a skip before the test itself."""
        self.seconds += report.duration
        if report.failed:
            self.result = "failed" if report.when == "call" else f"failed in its {report.when}"
        elif report.skipped:
            self.result = f"skipped: {_reason(report)}"
        elif report.when == "call":
            self.result = "passed"


@dataclass
class SlowPage:
    """Collects results while pytest runs; keeps `page` up to date where there is one."""

    page: Path | None
    found: dict[str, Found] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Every worker collects the same."""
        for test in ids:
            self.found.setdefault(test, Found())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.found.setdefault(report.nodeid, Found()).add(report)
        if self.page and report.when == "teardown":
            self.page.parent.mkdir(exist_ok=True)
            self.page.write_text(page(self.found, time.monotonic() - self.started), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; pytest's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.slow", description=__doc__
    )
    parser.add_argument("--workers", default="2", help="processes, as pytest -n takes them")
    parser.add_argument("tests", nargs="*", help="only these; no page is written")
    chosen = parser.parse_args(arguments)
    flags = ["-m", "slow", "-n", chosen.workers, "--dist", "worksteal"]
    return pytest.main(
        [*flags, *chosen.tests], plugins=[SlowPage(None if chosen.tests else RESULTS)]
    )


def page(found: Mapping[str, Found], seconds: float) -> str:
    """The page, a row a test."""
    counts = Counter(each.result.split(":")[0] for each in found.values())
    told = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    rows = [
        f"| `{_short(test)}` | {proves(test)} | {_cell(each.result)} | {each.seconds:.0f} |"
        for test, each in sorted(found.items())
    ]
    return "\n".join(
        [
            "# What runs only in `make slow`\n",
            f"Written by `make slow` on {datetime.now(UTC):%Y-%m-%d}, after {seconds / 60:.0f} "
            f"minutes: {told}.\n",
            f"{measured_on()}\n",
            "| test | what it proves | result | seconds |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def proves(test: str) -> str:
    """The first sentence of the test's docstring, else its name in words."""
    path, _, name = test.partition("::")
    name = name.partition("[")[0].rpartition("::")[2]
    docstring = _docstrings(PROJECT_ROOT / path).get(name)
    if docstring:
        return _cell(docstring.partition("\n\n")[0].partition(". ")[0].rstrip("."))
    return name.removeprefix("test_").replace("_", " ")


@cache
def _docstrings(path: Path) -> dict[str, str | None]:
    """By name of the test."""
    return {
        node.name: ast.get_docstring(node)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def _reason(report: pytest.TestReport) -> str:
    told = report.longrepr
    return str(told[2] if isinstance(told, tuple) else told).removeprefix("Skipped: ")


def _short(test: str) -> str:
    return _cell(test.removeprefix("llmrec_pipeline_tests/"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
