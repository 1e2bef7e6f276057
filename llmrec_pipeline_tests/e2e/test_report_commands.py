"""The report from the command line: built by a run, printed for a pull request."""

from __future__ import annotations

from pathlib import Path

from llmrec_pipeline_tests.e2e.command_line import Llmrec
from llmrec_pipeline_tests.publishers import Publishers


def test_a_run_ends_with_the_report(llmrec: Llmrec, publishers: Publishers) -> None:
    llmrec.environment = {**llmrec.environment, **publishers.environment(report=True)}
    ran = llmrec("run", "--format", "table")
    assert ran.code == 0, ran.err
    *_, report, ui = ran.out.splitlines()
    page = Path(report.removeprefix("Report: "))
    assert ui == "UI: make dev"
    assert page.read_text().startswith("<!doctype html>")
    assert page.stat().st_size < 3_000_000
    assert (llmrec.data / "reports" / "current").resolve() == page.parent

    shown = llmrec("report", "build", "--format", "markdown")
    assert shown.out == page.with_name("report.md").read_text()
