"""Definitions from settings: the factory that the code location, the command line and tests share."""

from __future__ import annotations

from datetime import UTC, datetime

from dagster import Definitions, ExecutorDefinition, in_process_executor

from llmrec_pipeline.orchestration.assets.digest import digest_asset
from llmrec_pipeline.orchestration.assets.evidence import evidence_assets
from llmrec_pipeline.orchestration.assets.own_calls import own_call_assets
from llmrec_pipeline.orchestration.assets.pulls import pull_assets
from llmrec_pipeline.orchestration.assets.results import result_assets
from llmrec_pipeline.orchestration.assets.sentiment import sentiment_asset
from llmrec_pipeline.orchestration.assets.tables import table_assets
from llmrec_pipeline.orchestration.jobs import evidence_job, ingest_job, refresh_job
from llmrec_pipeline.orchestration.resources import WarehouseResource
from llmrec_pipeline.orchestration.schedules import ingest_schedule
from llmrec_pipeline.orchestration.sensors import new_edition_sensor, new_snapshot_sensor
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock


def utc_now() -> datetime:
    """The clock of everything that is not a test."""
    return datetime.now(UTC)


def build_defs(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    executor: ExecutorDefinition = in_process_executor,
) -> Definitions:
    """All assets, checks, jobs, the schedule and the sensors for these settings.

    A run takes seconds, of which a process for each step would be most; a team that wants its own
    executor passes it here from a code location of its own."""
    lake = Lake(settings.locations.data)
    return Definitions(
        assets=[
            *pull_assets(settings, lake, clock),
            *table_assets(settings, lake, clock),
            *result_assets(settings, clock),
            digest_asset(settings, clock),
            *evidence_assets(settings, clock),
            sentiment_asset(settings, clock),
            *own_call_assets(settings, clock),
        ],
        jobs=[ingest_job(), refresh_job(with_report=settings.report.after_refresh), evidence_job()],
        schedules=[ingest_schedule(settings.pipeline.schedule)],
        sensors=[new_snapshot_sensor(settings, lake, clock), new_edition_sensor(settings, clock)],
        resources={"warehouse": WarehouseResource.from_settings(settings)},
        executor=executor,
    )
