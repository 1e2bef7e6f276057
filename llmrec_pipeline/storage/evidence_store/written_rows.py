"""What people wrote into the evidence store: decisions, and scores that no source tells.

A score is a person's where its source is none that the pipeline pulls. Proposals are the pipeline's
own, so proposing moves no watermark.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.records import (
    DECISIONS,
    MANUAL_BENCHMARKS,
    MODEL_RECOMMENDATIONS,
    MODEL_RUNTIME_STATS,
)
from llmrec_pipeline.domain.spend import spend_of
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.models import (
    ModelBenchmark,
    ModelRecommendation,
    ModelRuntimeStats,
    RecommendationEvent,
)
from llmrec_pipeline.storage.evidence_store.opening import store_address
from llmrec_pipeline.storage.evidence_store.recommendations import all_of
from llmrec_pipeline.storage.written import (
    RECORD_TABLES,
    Row,
    Watermark,
    Watermarks,
    export,
    export_records,
)

Written = Mapping[str, Sequence[Row]]
_NOTHING: Written = {DECISIONS.name: (), MANUAL_BENCHMARKS.name: ()}


def present_watermarks(settings: Settings) -> Watermarks:
    """Up to where people have written by now; raises SettingsError and EvidenceStoreError."""
    return {name: Watermark.of(rows) for name, rows in _written(settings).items()}


def export_written(settings: Settings) -> Watermarks:
    """Export what people have written by now, and the records that a report tells; raises
    SettingsError and EvidenceStoreError."""
    folder = settings.locations.evidence
    records = _read(settings, _records)
    export_records(folder, records or {table.name: () for table in RECORD_TABLES})
    return export(folder, _written(settings))


def _written(settings: Settings) -> Written:
    """Both tables' rows, by the columns of `domain.records`."""

    def rows(session: Session) -> Written:
        return {
            DECISIONS.name: _rows(session, _decisions()),
            MANUAL_BENCHMARKS.name: _rows(session, _manual_benchmarks(settings.sources)),
        }

    return _read(settings, rows) or _NOTHING


def _read(settings: Settings, rows: Callable[[Session], Written]) -> Written | None:
    """What the store holds; None of one that nobody has used yet, which is neither made nor
    migrated."""
    address = store_address(settings.locations)
    if address.is_sqlite and not Path(str(address.url.database)).is_file():
        return None
    store = migrating.open_as_it_is(settings.locations)
    try:
        if migrating.current(store) is None:
            return None
        with store.reading() as session:
            return rows(session)
    finally:
        store.close()


def _records(session: Session) -> Written:
    return {
        MODEL_RECOMMENDATIONS.name: [
            {
                **{name: _plain(getattr(row, name, None)) for name in MODEL_RECOMMENDATIONS.names},
                "monthly_delta_usd": spend_of(row.evidence)["monthly_delta_usd"],
                "evidence_counts": json.dumps(
                    {kind: len(ids) for kind, ids in sorted(row.evidence["rows"].items())}
                ),
            }
            for row in all_of(session, None, latest=True)
        ],
        MODEL_RUNTIME_STATS.name: _rows(session, _newest_calls()),
    }


def _newest_calls() -> Select[Any]:
    """Of the newest window; a row without calls counts elsewhere."""
    columns = [getattr(ModelRuntimeStats, name) for name in MODEL_RUNTIME_STATS.names]
    newest = select(func.max(ModelRuntimeStats.window_end)).scalar_subquery()
    return select(*columns).where(
        ModelRuntimeStats.window_end == newest, ModelRuntimeStats.calls > 0
    )


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
        {name: _plain(value) for name, value in row.items()}
        for row in session.execute(query).mappings()
    ]


def _plain(value: Any) -> Any:
    """Exact decimals leave the store as floats: nothing is computed with them any more."""
    return float(value) if isinstance(value, Decimal) else value
