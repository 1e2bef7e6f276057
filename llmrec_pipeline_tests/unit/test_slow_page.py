"""The page of the slow tier tells every test, also those that failed or never ran."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from llmrec_pipeline_tests import slow

HERE = "llmrec_pipeline_tests/unit/test_slow_page.py"
ONE, OTHER, THIRD = (f"{HERE}::{name}[a|b]" for name in ("test_one", "test_two_words", "test_x"))


def _report(test: str, when: str, outcome: str, longrepr: object = None) -> pytest.TestReport:
    return pytest.TestReport(test, (HERE, 1, ""), {}, outcome, longrepr, when, duration=1.6)


def test_one_row_a_test_also_where_the_run_was_stopped(tmp_path: Path) -> None:
    """What each proves stands beside it. The rest of a docstring does not."""
    listening = slow.SlowPage(tmp_path / "results" / "slow.md")
    tests = (ONE, OTHER, THIRD, f"{HERE}::test_one_row_a_test_also_where_the_run_was_stopped")
    listening.pytest_xdist_node_collection_finished(SimpleNamespace(), tests)
    for when in ("setup", "call", "teardown"):
        listening.pytest_runtest_logreport(_report(ONE, when, "passed"))
    skip = ("file", 1, "Skipped: no browser | here")
    listening.pytest_runtest_logreport(_report(OTHER, "setup", "skipped", skip))
    listening.pytest_runtest_logreport(_report(OTHER, "teardown", "passed"))
    listening.pytest_runtest_logreport(_report(THIRD, "call", "failed", "AssertionError"))
    listening.pytest_runtest_logreport(_report(THIRD, "teardown", "failed", "OSError"))
    written = (tmp_path / "results" / "slow.md").read_text("utf-8")
    assert "minutes: 1 failed in its teardown, 1 not run, 1 passed, 1 skipped." in written
    assert [line for line in written.splitlines() if line.startswith("| `")] == [
        "| `unit/test_slow_page.py::test_one[a/b]` | one | passed | 5 |",
        "| `unit/test_slow_page.py::test_one_row_a_test_also_where_the_run_was_stopped` "
        "| What each proves stands beside it | not run | 0 |",
        "| `unit/test_slow_page.py::test_two_words[a/b]` | two words "
        "| skipped: no browser / here | 3 |",
        "| `unit/test_slow_page.py::test_x[a/b]` | x | failed in its teardown | 3 |",
    ]
