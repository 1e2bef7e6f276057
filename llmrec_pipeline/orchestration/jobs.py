"""The two jobs. `ingest` touches the lake only; `refresh` derives everything else from it."""

from __future__ import annotations

from dagster import AssetSelection, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from llmrec_pipeline.orchestration.vocabulary import (
    GROUP_BRONZE,
    GROUP_PUBLISHED,
    GROUP_RANKING,
    GROUP_RAW,
    GROUP_WAREHOUSE,
    JOB_INGEST,
    JOB_REFRESH,
)


def ingest_job() -> UnresolvedAssetJobDefinition:
    """Pull every source and land what is new."""
    return define_asset_job(
        JOB_INGEST,
        selection=AssetSelection.groups(GROUP_RAW, GROUP_BRONZE),
        description="Pull every source into raw and bronze. A source that fails fails alone.",
    )


def refresh_job() -> UnresolvedAssetJobDefinition:
    """Re-rank: warehouse, rankings, edition."""
    return define_asset_job(
        JOB_REFRESH,
        selection=AssetSelection.groups(GROUP_WAREHOUSE, GROUP_RANKING, GROUP_PUBLISHED),
        description="Load what landed, judge it, rank every task and publish an edition.",
    )
