"""What people wrote into the evidence store: decisions, and scores that no source tells.

A score is a person's where its source is none that the pipeline pulls. Proposals are the pipeline's
own, so proposing moves no watermark.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.records import DECISIONS, MANUAL_BENCHMARKS
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.models import (
    ModelBenchmark,
    ModelRecommendation,
    RecommendationEvent,
)
from llmrec_pipeline.storage.evidence_store.opening import store_address
from llmrec_pipeline.storage.written import Row, Watermark, Watermarks, export

Written = Mapping[str, Sequence[Row]]
_NOTHING: Written = {DECISIONS.name: (), MANUAL_BENCHMARKS.name: ()}


def present_watermarks(settings: Settings) -> Watermarks:
    """Up to where people have written by now; raises SettingsError and EvidenceStoreError."""
    return {name: Watermark.of(rows) for name, rows in _written(settings).items()}


def export_written(settings: Settings) -> Watermarks:
    """Export what people have written by now; raises SettingsError and EvidenceStoreError."""
    return export(settings.locations.evidence, _written(settings))


def _written(settings: Settings) -> Written:
    """Both tables' rows, by the columns of `domain.records`. A store that nobody has used yet is
    neither made nor migrated."""
    address = store_address(settings.locations)
    if address.is_sqlite and not Path(str(address.url.database)).is_file():
        return _NOTHING
    store = migrating.open_as_it_is(settings.locations)
    try:
        if migrating.current(store) is None:
            return _NOTHING
        with store.reading() as session:
            return {
                DECISIONS.name: _rows(session, _decisions()),
                MANUAL_BENCHMARKS.name: _rows(session, _manual_benchmarks(settings.sources)),
            }
    finally:
        store.close()


def _decisions() -> Select[Any]:
    event, about = RecommendationEvent, ModelRecommendation
    return (
        select(
            event.id,
            event.recommendation_id,
            about.use_case,
            about.current_model,
            about.recommended_model,
            event.to_status.label("status"),
            event.happened_at.label("decided_at"),
        )
        .join(about, about.id == event.recommendation_id)
        .where(event.from_status.is_not(None))
        .order_by(event.id)
    )


def _manual_benchmarks(pulled: Collection[str]) -> Select[Any]:
    columns = [getattr(ModelBenchmark, name) for name in MANUAL_BENCHMARKS.names]
    return select(*columns).where(ModelBenchmark.source.not_in(pulled)).order_by(ModelBenchmark.id)


def _rows(session: Session, query: Select[Any]) -> list[dict[str, Any]]:
    return [
        {name: float(value) if name == "score" else value for name, value in row.items()}
        for row in session.execute(query).mappings()
    ]
