"""Runs whose process was killed. Dagster goes on calling them started, and its queue, which lets
one run through at a time, would wait for them."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from llmrec_pipeline.locations import Locations
from llmrec_pipeline.orchestration.vocabulary import TAG_COMMAND

UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def command_tags(locations: Locations) -> Mapping[str, str]:
    """Marks a run as started by command on this machine and data folder."""
    return {TAG_COMMAND: f"{socket.gethostname()}:{locations.data}"}


def end_abandoned(instance: DagsterInstance, locations: Locations) -> list[str]:
    """Report as failed what commands left behind; returns the run ids. Whoever calls this holds
    the run lock, so no command is still at work on any of them."""
    left = instance.get_runs(RunsFilter(statuses=UNDER_WAY, tags=dict(command_tags(locations))))
    for run in left:
        instance.report_run_failed(run, "The command that ran this was killed.")
    return [run.run_id for run in left]
