"""A bounded number of tries at one thing, with growing pauses, and then none until it is another
thing; so a failure neither wedges nor storms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, RunRecord, RunRequest, RunsFilter, SkipReason

from llmrec_pipeline.orchestration.abandoned import UNDER_WAY
from llmrec_pipeline.orchestration.vocabulary import TAG_ATTEMPT
from llmrec_pipeline.settings import Refresh


@dataclass(frozen=True, slots=True)
class Goal:
    """What a run is wanted for: its job, the tags that say for what, and the same in words. It waits
    for runs of some jobs."""

    job: str
    tags: Mapping[str, str]
    told: str
    waits_for: tuple[str, ...]


def tried(instance: DagsterInstance, goal: Goal) -> Sequence[RunRecord]:
    """The runs for this goal, newest first."""
    return instance.get_run_records(RunsFilter(job_name=goal.job, tags=dict(goal.tags)))


def next_attempt(
    instance: DagsterInstance, goal: Goal, now: datetime, rules: Refresh
) -> RunRequest | SkipReason:
    """Whether to start a run for this goal now, which is not reached yet. Whatever became of a run
    that was started for it counts: failed, stuck, or ended well without reaching it. Dagster never
    runs a run key twice, failed ones included."""
    holding = _holding(instance, goal.waits_for, now - timedelta(minutes=rules.stuck_minutes))
    if holding is not None:
        return SkipReason(
            f"Waiting for {holding.dagster_run.job_name} {holding.dagster_run.run_id}."
        )
    before = tried(instance, goal)
    if len(before) >= rules.attempts:
        hint = "See its runs, or run it by hand."
        if before[0].dagster_run.is_success:
            # A server keeps the code and settings that it started with; a run reads them anew.
            hint = "Its runs ended well, on other code or settings: reload the code location."
        return SkipReason(
            f"The {goal.job} was tried {len(before)} times on {goal.told} in vain; it is left alone "
            f"until that changes. {hint}"
        )
    if before:
        pauses = rules.attempt_backoff_minutes or (0.0,)
        due = _last_end(before) + timedelta(minutes=pauses[min(len(before), len(pauses)) - 1])
        if now < due:
            return SkipReason(
                f"Attempt {len(before)} of {rules.attempts} was in vain; the next is due at "
                f"{due:%H:%M:%S} UTC."
            )
    attempt = str(len(before) + 1)
    return RunRequest(
        run_key=":".join((*goal.tags.values(), attempt)),
        tags={**goal.tags, TAG_ATTEMPT: attempt},
    )


def _holding(instance: DagsterInstance, jobs: Sequence[str], since: datetime) -> RunRecord | None:
    """A run that is to be waited for. One that seems to be under way for too long was killed, and
    holds nothing."""
    for job in jobs:
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
