"""What starts a refresh: the present inputs differ from those of the current edition.

The same inputs are tried a bounded number of times, with growing pauses, and then left until they
change; so a failure neither wedges nor storms, and pulls that land by any route re-rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    RunRecord,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)
from filelock import Timeout

from llmrec_pipeline.orchestration.abandoned import UNDER_WAY, end_abandoned
from llmrec_pipeline.orchestration.run_lock import run_lock
from llmrec_pipeline.orchestration.vocabulary import (
    JOB_INGEST,
    JOB_REFRESH,
    SENSOR,
    TAG_ATTEMPT,
    TAG_INPUTS,
    TAG_REPLACES,
)
from llmrec_pipeline.settings import Refresh, Settings
from llmrec_pipeline.storage.editions import EditionError, current_edition
from llmrec_pipeline.storage.inputs import hash_inputs, present_inputs
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock


def new_snapshot_sensor(settings: Settings, lake: Lake, clock: Clock) -> SensorDefinition:
    """The sensor, on from the start."""

    @sensor(
        name=SENSOR,
        job_name=JOB_REFRESH,
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=(
            "Refreshes when what an edition rests on has changed: content that landed by any "
            "route, a source that grew too old, configuration or code."
        ),
    )
    def new_snapshot(context: SensorEvaluationContext) -> RunRequest | SkipReason:
        lock = run_lock(settings.locations)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return SkipReason("Waiting for the run that a command started.")
        try:
            end_abandoned(context.instance, settings.locations)
        finally:
            lock.release()
        now = clock()
        wanted = wanted_inputs(settings, lake, now)
        if wanted is None:
            return SkipReason("The current edition rests on the present inputs.")
        edition = current_edition(settings.locations.published)
        replaced = edition.name if edition else "none"
        return decide(context.instance, wanted, replaced, now, settings.pipeline.refresh)

    return new_snapshot


def wanted_inputs(settings: Settings, lake: Lake, now: datetime) -> str | None:
    """Hash of the present inputs where the current edition does not rest on them."""
    edition = current_edition(settings.locations.published)
    try:
        manifest = edition.manifest() if edition else None
    except EditionError:
        manifest = None
    present = hash_inputs(present_inputs(settings, lake, now, manifest))
    return None if manifest and manifest["inputs_hash"] == present else present


def decide(
    instance: DagsterInstance, wanted: str, replaced: str, now: datetime, rules: Refresh
) -> RunRequest | SkipReason:
    """Whether to start a refresh for these inputs now.

    What was tried counts for one set of inputs and the edition that it was to replace: inputs that
    come back after others (a publisher that stayed away and returned with the same content) start
    afresh, although Dagster never runs a run key twice."""
    holding = _holding(instance, now - timedelta(minutes=rules.stuck_minutes))
    if holding is not None:
        return SkipReason(
            f"Waiting for {holding.dagster_run.job_name} {holding.dagster_run.run_id}."
        )
    # Whatever became of it, a run that left the edition as it was counts: failed, stuck, or ended
    # well without resting on these inputs.
    tried = instance.get_run_records(
        RunsFilter(job_name=JOB_REFRESH, tags={TAG_INPUTS: wanted, TAG_REPLACES: replaced})
    )
    if len(tried) >= rules.attempts:
        hint = "See its runs, or run it by hand."
        if tried[0].dagster_run.is_success:
            # A server keeps the code and settings that it started with; a run reads them anew.
            hint = "Its runs ended well, on other code or settings: reload the code location."
        return SkipReason(
            f"The refresh was tried {len(tried)} times on these inputs ({wanted[:8]}) in vain; it "
            f"is left alone until they change. {hint}"
        )
    if tried:
        pauses = rules.attempt_backoff_minutes or (0.0,)
        pause = timedelta(minutes=pauses[min(len(tried), len(pauses)) - 1])
        due = _last_end(tried) + pause
        if now < due:
            return SkipReason(
                f"Attempt {len(tried)} of {rules.attempts} was in vain; the next is due at "
                f"{due:%H:%M:%S} UTC."
            )
    attempt = str(len(tried) + 1)
    return RunRequest(
        run_key=f"{wanted}:{replaced}:{attempt}",
        tags={TAG_INPUTS: wanted, TAG_REPLACES: replaced, TAG_ATTEMPT: attempt},
    )


def _holding(instance: DagsterInstance, since: datetime) -> RunRecord | None:
    """A run that is about to change the inputs or the edition. One that seems to be under way for
    too long was killed, and holds nothing."""
    for job in (JOB_INGEST, JOB_REFRESH):
        records = instance.get_run_records(
            RunsFilter(job_name=job, statuses=UNDER_WAY, created_after=since), limit=1
        )
        if records:
            return records[0]
    return None


def _last_end(records: Sequence[RunRecord]) -> datetime:
    ends = [
        datetime.fromtimestamp(record.end_time, UTC)
        if record.end_time
        else record.create_timestamp.astimezone(UTC)
        for record in records
    ]
    return max(ends)
