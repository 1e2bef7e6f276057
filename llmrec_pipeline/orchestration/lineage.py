"""Column lineage: which columns of which assets a table's columns come from.

Most columns pass through under their own name, which the schema table shows; `_MADE_OF` holds those
that are renamed or computed. What comes from measures and pages, of which no asset has columns, has
no lineage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dagster import AssetKey, TableColumnDep, TableColumnLineage

from llmrec_pipeline.domain.records import (
    BRONZE_MODELS,
    CATEGORY_RANKINGS,
    INDEX_COLUMNS,
    MODELS_HISTORY,
    MODELS_LATEST,
    MODELS_SNAPSHOT,
    SILVER_MODELS,
    TASK_RANKINGS,
)
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.orchestration import vocabulary

_NAMING = ("source_model_id", "model_name", "creator")
_INDICES = tuple(column.name for column in INDEX_COLUMNS)
_SPEED = ("output_tokens_per_s", "ttft_s")
_COST = ("price_input_per_1m",)
_KEYED: Mapping[str, Sequence[str]] = {
    "canonical_model_key": _NAMING,
    "base_model": _NAMING,
    "variant": _NAMING,
    "model_creator": ("creator",),
    "serving_host": ("host",),
    "offering_key": ("host", "source_model_id"),
    "snapshot_ts": ("observed_at",),
}
_MADE_OF: Mapping[str, Mapping[str, Sequence[str]]] = {
    SILVER_MODELS.name: _KEYED,
    MODELS_HISTORY.name: _KEYED,
    MODELS_LATEST.name: {
        "provider": ("model_creator",),
        "index_versions": ("source", "index_version"),
        "last_seen": ("snapshot_ts",),
        **{name: ("source",) for name in MODELS_LATEST.names if name.endswith("_source")},
    },
    TASK_RANKINGS.name: {
        "quality_norm": _INDICES,
        "speed_norm": _SPEED,
        "cost_norm": _COST,
        "score": (*_INDICES, *_SPEED, *_COST),
    },
    CATEGORY_RANKINGS.name: {
        "metadata": (*_SPEED, *_COST, "context_window"),
        "last_updated": ("snapshot_ts",),
    },
}
_UPSTREAM: Mapping[str, tuple[AssetKey, Table]] = {
    SILVER_MODELS.name: (vocabulary.BRONZE_MODELS, BRONZE_MODELS),
    MODELS_HISTORY.name: (vocabulary.BRONZE_MODELS, BRONZE_MODELS),
    MODELS_LATEST.name: (vocabulary.SILVER_MODELS, SILVER_MODELS),
    TASK_RANKINGS.name: (vocabulary.MODELS_LATEST, MODELS_LATEST),
    CATEGORY_RANKINGS.name: (vocabulary.MODELS_LATEST, MODELS_LATEST),
}


def column_lineage(table: Table) -> dict[str, TableColumnLineage]:
    """Metadata of a table that comes from one asset."""
    asset, upstream = _UPSTREAM[table.name]
    return _metadata(table, upstream, [asset])


def bronze_lineage(sources: Iterable[str]) -> dict[str, TableColumnLineage]:
    """Metadata of `bronze_models`, which holds the rows of every source."""
    assets = [vocabulary.bronze_key(source) for source in sources]
    return _metadata(BRONZE_MODELS, MODELS_SNAPSHOT, assets)


def _metadata(
    table: Table, upstream: Table, assets: Sequence[AssetKey]
) -> dict[str, TableColumnLineage]:
    made_of = _MADE_OF.get(table.name, {})
    by_name = {name: (name,) for name in table.names if name in upstream.names}
    return {
        "dagster/column_lineage": TableColumnLineage(
            {
                column: [TableColumnDep(asset, name) for asset in assets for name in names]
                for column, names in {**by_name, **made_of}.items()
            }
        )
    }
