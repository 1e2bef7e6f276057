"""The jobs. `ingest` touches the lake only; `refresh` derives everything else from it; `evidence`
enters what the warehouse knows into the evidence store and proposes what follows from it, apart, so
that a database that is away holds no edition up."""

from __future__ import annotations

from dagster import AssetSelection, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from llmrec_pipeline.orchestration.vocabulary import (
    GROUP_BRONZE,
    GROUP_EVIDENCE,
    GROUP_PUBLISHED,
    GROUP_RANKING,
    GROUP_RAW,
    GROUP_WAREHOUSE,
    JOB_EVIDENCE,
    JOB_INGEST,
    JOB_REFRESH,
    RECOMMENDATION_REPORT,
)


def ingest_job() -> UnresolvedAssetJobDefinition:
    """Pull every source and land what is new."""
    return define_asset_job(
        JOB_INGEST,
        selection=AssetSelection.groups(GROUP_RAW, GROUP_BRONZE),
        description="Pull every source into raw and bronze. A source that fails fails alone.",
    )


def refresh_job(*, with_report: bool) -> UnresolvedAssetJobDefinition:
    """Re-rank: warehouse, rankings, edition, and the edition's report."""
    selection: AssetSelection = AssetSelection.groups(
        GROUP_WAREHOUSE, GROUP_RANKING, GROUP_PUBLISHED
    )
    if not with_report:
        selection -= AssetSelection.assets(RECOMMENDATION_REPORT)
    return define_asset_job(
        JOB_REFRESH,
        selection=selection,
        description="Load what landed, judge it, rank every task and publish an edition.",
    )


def evidence_job() -> UnresolvedAssetJobDefinition:
    """Catalogue, prices, benchmarks, our own calls, sentiment and upgrade advice."""
    return define_asset_job(
        JOB_EVIDENCE,
        selection=AssetSelection.groups(GROUP_EVIDENCE),
        description=(
            "Enter models, prices and benchmarks of the warehouse and of the team's files into the "
            "evidence store, and what our own calls tell, as `llmrec intel ingest-catalog` and "
            "`llmrec intel compute-runtime-stats` do, and store the upgrade advice for every use case."
        ),
    )
