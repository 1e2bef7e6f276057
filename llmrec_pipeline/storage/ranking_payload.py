"""The ranking payload: what `domain.ranking` needs of the warehouse, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from llmrec_pipeline.domain.identity_config import ids_by_alias
from llmrec_pipeline.domain.records import CAPABILITIES
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.origins import Serving
from llmrec_pipeline.storage.weighing import carried_evidence


def ranking_payload(
    con: duckdb.DuckDBPyConnection, settings: Settings, serving: Sequence[Serving]
) -> dict[str, Any]:
    """What `domain.ranking` needs, as plain JSON: models with offerings and measures, their
    consensus, tasks, anchors, origins and names."""
    offerings: dict[str, list[dict[str, Any]]] = {}
    for offering in (
        con.sql("SELECT * FROM offerings_latest ORDER BY base_model, serving_host").pl().to_dicts()
    ):
        offerings.setdefault(offering["base_model"], []).append(offering)
    measures: dict[str, dict[str, dict[str, Any]]] = {}
    for row in con.sql(
        "SELECT canonical_model_key, measure_column, source, value, index_version "
        "FROM measures_latest ORDER BY ALL"
    ).fetchall():
        key, column, source, value, version = row
        measures.setdefault(key, {}).setdefault(column, {})[source] = {
            "value": value,
            "index_version": version,
        }
    models = []
    for model in (
        con.sql("SELECT * FROM models_latest ORDER BY canonical_model_key").pl().to_dicts()
    ):
        models.append(
            {
                "canonical_model_key": model["canonical_model_key"],
                "base_model": model["base_model"],
                "variant": model["variant"],
                "model_name": model["model_name"],
                "provider": model["provider"],
                "listed": model["listed"],
                "last_seen": iso(model["last_seen"]) if model["last_seen"] else None,
                "is_deprecated": model["is_deprecated"],
                "is_open_weights": model["is_open_weights"],
                "offerings": [
                    _offering(offering, model)
                    for offering in offerings.get(model["base_model"], ())
                ],
                "measures": measures.get(model["canonical_model_key"], {}),
            }
        )
    return {
        "schema_version": 1,
        "snapshot_ts": snapshot_ts(serving),
        "origins": origins_of(serving, settings),
        "publisher_order": list(settings.publisher_order),
        "tasks": settings.tasks,
        "anchors": settings.anchors,
        **carried_evidence(con),
        "provider_aliases": ids_by_alias(settings.identity.creators),
        "host_aliases": ids_by_alias(settings.identity.hosts),
        "schedule": {
            "live_hours": settings.pipeline.schedule.live_hours,
            "wait_s": settings.pipeline.refresh.wait_s,
            "backoff_minutes": settings.pipeline.refresh.backoff_minutes,
        },
        "report": settings.report_rules,
        "models": models,
    }


def _offering(offering: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    own = offering["is_creator_host"]
    return {
        "offering_key": offering["offering_key"],
        "host": offering["serving_host"],
        "is_creator_host": own,
        "price_input_per_1m": offering["price_input_per_1m"],
        "price_output_per_1m": offering["price_output_per_1m"],
        "price_cached_input_per_1m": offering["price_cached_input_per_1m"],
        "is_free": offering["is_free"],
        "context_window": offering["context_window"],
        "max_output_tokens": offering["max_output_tokens"],
        "capabilities": _capabilities(offering),
        "is_deprecated": offering["is_deprecated"],
        "output_tokens_per_s": model["output_tokens_per_s"] if own else None,
        "ttft_s": model["ttft_s"] if own else None,
        "source": offering["price_source"],
        "context_window_source": offering["context_window_source"],
        "output_tokens_per_s_source": model["output_tokens_per_s_source"] if own else None,
        "ttft_s_source": model["ttft_s_source"] if own else None,
    }


def _capabilities(offering: Mapping[str, Any]) -> dict[str, bool]:
    """What is known of the offering's capabilities, by name; what is not known is left out."""
    return {
        capability: offering[column]
        for capability, column in CAPABILITIES.items()
        if offering[column] is not None
    }


def snapshot_ts(serving: Sequence[Serving]) -> str | None:
    """The newest observation that anything rests on."""
    moments = [entry.snapshot_ts for entry in serving if entry.snapshot_ts is not None]
    return iso(max(moments)) if moments else None


def origins_of(serving: Sequence[Serving], settings: Settings) -> dict[str, dict[str, Any]]:
    """By source, what stands for it and whose data that is."""
    return {entry.source: origin_of(entry, settings) for entry in serving}


def origin_of(entry: Serving, settings: Settings) -> dict[str, Any]:
    """What stands for a source, when that was observed and seen again, and whose data it is."""
    source = settings.sources[entry.source]
    return {
        "origin": entry.origin,
        "observed_at": iso(entry.snapshot_ts) if entry.snapshot_ts else None,
        "verified_at": iso(entry.verified_at) if entry.verified_at else None,
        "index_version": entry.index_version,
        "rows": entry.rows,
        "title": source.title,
        "licence": source.licence,
        "attribution": source.attribution,
        "enabled": source.enabled,
    }
