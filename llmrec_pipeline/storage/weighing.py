"""`consensus` and what it rests on: what all measures together say of each model, made once at a
refresh, so that an answer only reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import duckdb
import polars as pl

from llmrec_pipeline.domain.consensus import (
    Consensus,
    consensus,
    measure_weights,
    spoken_measures,
)
from llmrec_pipeline.domain.populations import MeasureKey, Population
from llmrec_pipeline.domain.published_consensus import published
from llmrec_pipeline.domain.records import CONSENSUS
from llmrec_pipeline.domain.task_profile import Tasks
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence import (
    MeasureEvidence,
    evidence_frames,
    population_rows,
    warehouse_evidence,
)
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import get_meta, replace_rows, set_meta

_PUBLISHED = "published_consensus"


def weigh_evidence(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    frozen: Mapping[MeasureKey, Population] | None = None,
) -> None:
    """Fill `measure_readings`, `measure_populations` and `consensus`, and note what an edition's
    payload carries of them. Runs within the caller's transaction. `frozen` gives populations that
    are known already."""
    evidence = warehouse_evidence(con, settings, frozen)
    models = dict(
        con.sql(
            "SELECT canonical_model_key, base_model FROM models_latest WHERE listed ORDER BY ALL"
        ).fetchall()
    )
    found = _by_task_type(evidence, models, settings)
    readings, populations = evidence_frames(evidence)
    for table, frame in (
        ("measure_readings", readings),
        ("measure_populations", populations),
        ("consensus", _frame(found, settings.consensus.method)),
    ):
        replace_rows(con, table, frame)
    carried = {
        "populations": population_rows(evidence),
        "consensus": published(found, settings.consensus),
    }
    set_meta(con, _PUBLISHED, json.dumps(carried, ensure_ascii=False))


def carried_evidence(con: duckdb.DuckDBPyConnection) -> dict[str, object]:
    """`populations` and `consensus` of an edition's payload, as of the last `weigh_evidence`."""
    carried: dict[str, object] = json.loads(get_meta(con, _PUBLISHED) or "{}")
    return carried


def _by_task_type(
    evidence: MeasureEvidence, models: dict[str, str], settings: Settings
) -> dict[str, Consensus]:
    config = settings.consensus
    measures = spoken_measures(evidence.readings, evidence.populations)
    return {
        name: consensus(
            evidence.readings,
            evidence.populations,
            measure_weights(measures, name, task_type.columns, config),
            models,
            config,
        )
        for name, task_type in Tasks.from_mapping(settings.tasks).task_types.items()
    }


def _frame(found: dict[str, Consensus], method: str) -> pl.DataFrame:
    rows = [
        {
            "task_type": task_type,
            "canonical_model_key": standing.canonical_model_key,
            "method": method,
            "score": standing.score,
            "low": standing.low,
            "high": standing.high,
            "rank": standing.rank,
            "rank_low": standing.rank_low,
            "rank_high": standing.rank_high,
            "ties": standing.ties,
            "n_measures": standing.n_measures,
            "publishers": ", ".join(standing.publishers),
            "evidence": "; ".join(
                f"{item.measure} ({item.grade}, weight {item.weight:g})"
                for item in standing.evidence
            ),
        }
        for task_type, result in found.items()
        for standing in result.standings
    ]
    return pl.DataFrame(rows, schema=polars_schema(CONSENSUS))
