"""`llmrec backfill`: captures of earlier days into the lake, then a refresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.capture_names import stated_moment
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.cli import OK, USAGE
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.cli.running import (
    alone,
    print_outcome,
    require_success,
    run_jobs,
    summary_of,
)
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.backfilling import Backfilled
from llmrec_pipeline.storage.backfilling import backfill as land_captures
from llmrec_pipeline.storage.captures import Capture, find_captures
from llmrec_pipeline.storage.lake import Lake


def backfill(
    source: str,
    paths: Sequence[Path],
    at: str | None,
    *,
    refresh: bool,
    wait: bool,
    wanted: Format | None,
) -> int:
    """Land the captures, refresh, and say what came of each; exit code 2 where one was not taken."""
    settings = load_settings()
    if source not in settings.sources:
        raise unknown_name("source", source, settings.sources)
    captures = _captures(paths, at)
    with alone(settings, wait=wait) if refresh else nullcontext():
        outcomes = land_captures(
            source, captures, settings, Lake(settings.locations.data), lambda: datetime.now(UTC)
        )
        summaries = run_jobs(["refresh"], settings) if refresh else []
    _report(source, outcomes, summary_of(summaries, settings), wanted)
    require_success(summaries)
    return OK if all(outcome.is_taken for outcome in outcomes) else USAGE


def _captures(paths: Sequence[Path], at: str | None) -> list[Capture]:
    """Raises RequestError where there is none, or more than --at can speak of."""
    captures = find_captures(paths, _moment(at) if at else None)
    if not captures:
        raise RequestError(f"{', '.join(map(str, paths))}: there is no file")
    if at and len(captures) > 1:
        raise RequestError(f"--at {at}: speaks of one capture, and {len(captures)} were given")
    return captures


def _moment(at: str) -> datetime:
    try:
        return stated_moment(at)
    except ValueError:
        raise RequestError(
            f"--at {at}: is no moment; expected YYYY-MM-DD or 2026-03-01T06:00:00Z"
        ) from None


def _report(
    source: str, outcomes: Sequence[Backfilled], summary: dict[str, Any], wanted: Format | None
) -> None:
    captures = [_row(outcome) for outcome in outcomes]
    counts = dict(sorted(Counter(outcome.status for outcome in outcomes).items()))
    if chosen(wanted) is Format.JSON:
        print_json({"source": source, "counts": counts, "captures": captures, **summary})
    else:
        print_table(captures, ["path", "observed_at", "status", "rows"])
        say(", ".join(f"{count} {status}" for status, count in counts.items()) + ".")
        print_outcome(summary)
    for outcome in outcomes:
        if not outcome.is_taken:
            note(f"llmrec: {outcome.path}: {outcome.status}: {outcome.reason}")


def _row(outcome: Backfilled) -> dict[str, Any]:
    moment = outcome.observed_at
    return {**asdict(outcome), "observed_at": iso(moment) if moment else None}
