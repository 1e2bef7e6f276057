"""`llmrec run`, `ingest`, `refresh`, `rebuild`: the jobs, in this process, one run at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from filelock import Timeout

from llmrec_pipeline.orchestration.launch import run_job
from llmrec_pipeline.orchestration.run_lock import run_lock
from llmrec_pipeline.orchestration.run_summary import RunSummary
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.errors import BusyError, JobError
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.cli.reporting import print_pointers
from llmrec_pipeline.serving.report.about import find_report
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import current_edition

_MOMENT_S = 0.5
_LONGEST_WAIT_S = 600


def run(jobs: Sequence[str], *, wait: bool, wanted: Format | None) -> int:
    """Run the jobs in order and say what came of them."""
    settings = load_settings()
    with alone(settings, wait=wait):
        summaries = run_jobs(jobs, settings)
    return _report(summaries, settings, wanted)


def rebuild(*, wait: bool, wanted: Format | None) -> int:
    """Remove the warehouse file, which is derived, and refresh."""
    settings = load_settings()
    with alone(settings, wait=wait):
        path = settings.locations.warehouse
        for derived in (path, path.with_name(f"{path.name}.wal")):
            derived.unlink(missing_ok=True)
        summaries = run_jobs(["refresh"], settings)
    return _report(summaries, settings, wanted)


@contextmanager
def alone(settings: Settings, *, wait: bool) -> Iterator[None]:
    """Hold the run lock; BusyError where another process keeps it."""
    lock = run_lock(settings.locations)
    try:
        # The sensor holds the lock for a moment at each of its ticks.
        lock.acquire(timeout=_MOMENT_S)
    except Timeout:
        if not wait:
            raise BusyError("another run is under way") from None
        note("waiting for another run to end")
        try:
            lock.acquire(timeout=_LONGEST_WAIT_S)
        except Timeout:
            raise BusyError(f"another run is still under way after {_LONGEST_WAIT_S} s") from None
    try:
        yield
    finally:
        lock.release()


def run_jobs(jobs: Sequence[str], settings: Settings) -> list[RunSummary]:
    """Every job, also after one that failed: what other sources landed is worth ranking."""
    summaries = []
    with _progress() as on_step:
        for job in jobs:
            on_step(f"{job}: started")
            summary = run_job(job, settings, on_step=partial(_tell, on_step, job))
            if summary.interrupted:
                raise KeyboardInterrupt
            summaries.append(summary)
    return summaries


def _tell(on_step: Callable[[str], None], job: str, step: str) -> None:
    on_step(f"{job}: {step}")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A status line on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("starting") as status:
        yield lambda text: status.update(text)


def _report(summaries: Sequence[RunSummary], settings: Settings, wanted: Format | None) -> int:
    content = summary_of(summaries, settings)
    if chosen(wanted) is Format.JSON:
        print_json(content)
    else:
        _print(content)
    require_success(summaries)
    return OK


def require_success(summaries: Sequence[RunSummary]) -> None:
    """Raise JobError naming the jobs that failed."""
    failed = [summary for summary in summaries if not summary.success]
    if failed:
        raise JobError("; ".join(f"{f.job} failed: {f.error} (run {f.run_id})" for f in failed))


def summary_of(summaries: Sequence[RunSummary], settings: Settings) -> dict[str, Any]:
    """What the jobs did, as JSON: runs, edition, sources, warnings."""
    from llmrec_pipeline.serving.source_rows import source_rows

    edition = current_edition(settings.locations.published)
    built = find_report(edition, settings.locations)
    published = next(
        (summary.metadata["edition"] for summary in summaries if "edition" in summary.metadata),
        None,
    )
    return {
        "runs": [
            {"job": summary.job, "run_id": summary.run_id, "success": summary.success}
            for summary in summaries
        ],
        "edition": edition.name if edition else None,
        "new_edition": bool(published["new"]) if published else False,
        "report": built and built.page,
        "sources": source_rows(settings),
        "warnings": [warning for summary in summaries for warning in summary.warnings],
    }


def _print(content: dict[str, Any]) -> None:
    print_table(
        content["sources"],
        ["source", "origin", "observed_at", "age", "rows", "last_pull", "last_error"],
    )
    say()
    print_outcome(content)


def print_outcome(content: dict[str, Any]) -> None:
    """The warnings and the edition of a summary."""
    for warning in content["warnings"]:
        say(f"Warning: {warning}")
    state = "new" if content["new_edition"] else "unchanged"
    if content["edition"]:
        say(f"Edition {content['edition']} ({state}).")
    if content["report"]:
        print_pointers(content["report"])
