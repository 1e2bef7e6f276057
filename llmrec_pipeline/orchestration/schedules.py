"""When sources are pulled: by the cron line of config/pipeline.yaml."""

from __future__ import annotations

from dagster import DefaultScheduleStatus, ScheduleDefinition

from llmrec_pipeline.orchestration.vocabulary import JOB_INGEST, SCHEDULE
from llmrec_pipeline.settings import Schedule


def ingest_schedule(schedule: Schedule) -> ScheduleDefinition:
    """The ingest, in UTC, on from the start."""
    return ScheduleDefinition(
        name=SCHEDULE,
        job_name=JOB_INGEST,
        cron_schedule=schedule.cron,
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Pulls every source. What lands is re-ranked by new_snapshot_sensor.",
    )
