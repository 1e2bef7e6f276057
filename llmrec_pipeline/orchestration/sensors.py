"""What starts a refresh: the present inputs differ from those of the current edition. What starts an
`evidence` run: an edition, or team files, that the evidence store has not taken up.

Pulls that land by any route re-rank, and so does what people write; see `attempts` for how often.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)
from filelock import Timeout

from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.orchestration.abandoned import end_abandoned
from llmrec_pipeline.orchestration.attempts import Goal, next_attempt, tried
from llmrec_pipeline.orchestration.run_lock import run_lock
from llmrec_pipeline.orchestration.vocabulary import (
    EDITION_SENSOR,
    JOB_CHOSEN_ASSETS,
    JOB_EVIDENCE,
    JOB_INGEST,
    JOB_REFRESH,
    SENSOR,
    TAG_INPUTS,
    TAG_REPLACES,
    TAG_TAKES_UP,
    TAG_TEAM_FILES,
)
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import EditionError, current_edition
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStoreError
from llmrec_pipeline.storage.evidence_store.written_rows import present_watermarks
from llmrec_pipeline.storage.inputs import hash_inputs, present_inputs
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.written import Watermarks
from llmrec_pipeline.team_settings import TEAM_FILES

_Asked = RunRequest | SkipReason


def new_snapshot_sensor(settings: Settings, lake: Lake, clock: Clock) -> SensorDefinition:
    """The sensor of refreshes, on from the start."""

    def asked(instance: DagsterInstance) -> _Asked:
        now = clock()
        wanted = wanted_inputs(settings, lake, now)
        if wanted is None:
            return SkipReason("The current edition rests on the present inputs.")
        edition = current_edition(settings.locations.published)
        # What was tried counts for one set of inputs and the edition that it was to replace: inputs
        # that come back after others (a publisher that stayed away and returned with the same
        # content) start afresh.
        goal = Goal(
            job=JOB_REFRESH,
            tags={TAG_INPUTS: wanted, TAG_REPLACES: edition.name if edition else "none"},
            told=f"these inputs ({wanted[:8]})",
            waits_for=(JOB_CHOSEN_ASSETS, JOB_INGEST, JOB_REFRESH),
        )
        return next_attempt(instance, goal, now, settings.pipeline.refresh)

    return _sensor(
        SENSOR,
        JOB_REFRESH,
        "Refreshes when what an edition rests on has changed: content that landed by any route, a "
        "source that grew too old, what people wrote, configuration or code.",
        settings,
        asked,
    )


def new_edition_sensor(settings: Settings, clock: Clock) -> SensorDefinition:
    """The sensor of evidence runs, on from the start."""

    def asked(instance: DagsterInstance) -> _Asked:
        edition = current_edition(settings.locations.published)
        if edition is None:
            return SkipReason("No edition yet.")
        goal = Goal(
            job=JOB_EVIDENCE,
            tags={TAG_TAKES_UP: edition.name, TAG_TEAM_FILES: _team_files(settings)},
            told=f"edition {edition.name} and these team files",
            waits_for=(JOB_CHOSEN_ASSETS, JOB_INGEST, JOB_REFRESH, JOB_EVIDENCE),
        )
        if any(record.dagster_run.is_success for record in tried(instance, goal)):
            return SkipReason(f"The evidence store has taken edition {edition.name} up.")
        return next_attempt(instance, goal, clock(), settings.pipeline.refresh)

    return _sensor(
        EDITION_SENSOR,
        JOB_EVIDENCE,
        "Takes each new edition up in the evidence store, and what the team's files say, and "
        "proposes the upgrade advice that follows.",
        settings,
        asked,
    )


def wanted_inputs(settings: Settings, lake: Lake, now: datetime) -> str | None:
    """Hash of the present inputs where the current edition does not rest on them."""
    edition = current_edition(settings.locations.published)
    try:
        manifest = edition.manifest() if edition else None
    except EditionError:
        manifest = None
    present = hash_inputs(present_inputs(settings, lake, now, manifest, _written(settings)))
    return None if manifest and manifest["inputs_hash"] == present else present


def _written(settings: Settings) -> Watermarks | None:
    """Up to where people have written; None where the evidence store does not say, so that one that
    is away is no change."""
    try:
        return present_watermarks(settings)
    except (SettingsError, EvidenceStoreError):
        return None


def _team_files(settings: Settings) -> str:
    """Hash of the files that a ranking does not rest on, but advice does."""
    digest = hashlib.sha256()
    for name in TEAM_FILES:
        path = settings.locations.config / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:16]


def _sensor(
    name: str,
    job: str,
    description: str,
    settings: Settings,
    asked: Callable[[DagsterInstance], _Asked],
) -> SensorDefinition:
    """A sensor that asks for runs of a job, but not while a command is at work."""

    @sensor(
        name=name,
        job_name=job,
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description=description,
    )
    def ask(context: SensorEvaluationContext) -> _Asked:
        lock = run_lock(settings.locations)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return SkipReason("Waiting for the run that a command started.")
        try:
            end_abandoned(context.instance, settings.locations)
        finally:
            lock.release()
        return asked(context.instance)

    return ask
