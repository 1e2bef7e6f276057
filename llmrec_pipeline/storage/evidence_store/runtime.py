"""Figures of our own calls, entered by window, provider, model and role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.runtime_stats import RuntimeStats
from llmrec_pipeline.domain.usage_prices import Window
from llmrec_pipeline.storage.evidence_store.ingesting import Counting, Counts, update
from llmrec_pipeline.storage.evidence_store.models import ModelRuntimeStats

_KEY = ("provider", "model", "role")
_MOVED = "its names mean something else now"


def enter_runtime_stats(session: Session, window: Window, stats: Sequence[RuntimeStats]) -> Counts:
    """Write what is new or different of a window. A row whose calls count elsewhere now stays, so
    that what cites it can, and says nothing any more."""
    rows = session.scalars(
        select(ModelRuntimeStats).where(
            ModelRuntimeStats.window_start == window.start,
            ModelRuntimeStats.window_end == window.end,
        )
    )
    known = {(row.provider, row.model, row.role): row for row in rows}
    counts = Counting()
    for entry in stats:
        row = known.pop((entry.provider, entry.model, entry.role), None)
        counts.told += 1
        if row is None:
            session.add(
                ModelRuntimeStats(window_start=window.start, window_end=window.end, **asdict(entry))
            )
            counts.new += 1
        elif update(row, asdict(entry)):
            counts.changed += 1
    counts.changed += sum(update(row, _emptied()) for row in known.values())
    return counts.result()


def _emptied() -> dict[str, object]:
    measured = RuntimeStats.__dataclass_fields__.keys() - {*_KEY}
    return {**dict.fromkeys(measured), "calls": 0, "total_tokens": 0, "notes": _MOVED}
