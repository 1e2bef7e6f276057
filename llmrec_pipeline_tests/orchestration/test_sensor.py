"""When the sensor starts a refresh, when it waits, and when it leaves off."""

from __future__ import annotations

import os
import re
from datetime import timedelta

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    RunsFilter,
    SkipReason,
    build_sensor_context,
)

from llmrec_pipeline.orchestration.abandoned import command_tags
from llmrec_pipeline.orchestration.assets import tables
from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.orchestration.run_lock import run_lock
from llmrec_pipeline.orchestration.sensors import new_snapshot_sensor
from llmrec_pipeline.orchestration.vocabulary import (
    JOB_CHOSEN_ASSETS,
    JOB_INGEST,
    TAG_ATTEMPT,
    TAG_INPUTS,
)
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline
from llmrec_pipeline_tests.publishers import LMARENA, Publishers, Status


def _tick(pipeline: Pipeline) -> RunRequest | SkipReason:
    sensor = new_snapshot_sensor(pipeline.settings, pipeline.lake, pipeline.clock)
    answer = sensor(build_sensor_context(instance=pipeline.instance))
    assert isinstance(answer, RunRequest | SkipReason)
    return answer


def _asked(pipeline: Pipeline) -> RunRequest:
    answer = _tick(pipeline)
    assert isinstance(answer, RunRequest), answer
    return answer


def _skipped(pipeline: Pipeline) -> str:
    answer = _tick(pipeline)
    assert isinstance(answer, SkipReason), answer
    return str(answer.skip_message)


def _land_news(pipeline: Pipeline, town: Publishers) -> None:
    town.facts = town.facts.next_day()
    assert pipeline.run("ingest").success


def _run_left(pipeline: Pipeline, job: str, tags: dict[str, str] | None = None) -> str:
    """A run that Dagster takes for started, as a killed process leaves it."""
    definition = build_defs(pipeline.settings, clock=pipeline.clock).resolve_job_def(job)
    run = pipeline.instance.create_run_for_job(
        definition, status=DagsterRunStatus.STARTED, tags=tags or {}
    )
    return run.run_id


def test_before_the_first_edition_there_is_something_to_do(pipeline: Pipeline) -> None:
    assert _asked(pipeline).tags[TAG_ATTEMPT] == "1"


def test_nothing_changed_nothing_to_do(ran: Pipeline, town: Publishers) -> None:
    assert "present inputs" in _skipped(ran)
    assert ran.run("ingest").success  # unchanged content
    assert [ran.state(source).last_status for source in ran.settings.enabled_sources] == [
        "unchanged"
    ] * 3
    assert "present inputs" in _skipped(ran)


def test_what_another_process_landed_is_ranked(ran: Pipeline, town: Publishers) -> None:
    town.facts = town.facts.next_day()
    with DagsterInstance.ephemeral() as elsewhere:
        other = Pipeline(ran.data, ran.environment, elsewhere, ran.clock)
        assert other.run("ingest").success
    request = _asked(ran)
    assert ran.run("refresh", request.tags).success
    edition = ran.edition()
    assert edition is not None
    assert "present inputs" in _skipped(ran)
    # Another day, another hash.
    _land_news(ran, town)
    assert _asked(ran).tags[TAG_INPUTS] != request.tags[TAG_INPUTS]


def test_a_source_that_grows_too_old_is_a_change(ran: Pipeline) -> None:
    ran.clock.move(hours=10)
    request = _asked(ran)
    assert ran.run("refresh", request.tags).success
    origins = ran.origins()
    assert {origins[source].origin for source in ran.settings.enabled_sources} == {"cached"}
    assert "present inputs" in _skipped(ran)


@pytest.mark.slow
def test_inputs_that_come_back_are_ranked_again(ran: Pipeline, town: Publishers) -> None:
    """A publisher that stays away for half a day and returns with the same content, twice:
    the inputs are those of earlier runs, whose run keys Dagster never runs again."""
    keys: list[str | None] = []
    for _ in range(2):
        town.fault(LMARENA, Status(500))
        ran.clock.move(hours=10)
        ran.run("ingest")
        for expected in ("cached", "live"):
            request = _asked(ran)
            keys.append(request.run_key)
            assert ran.run("refresh", request.tags).success
            assert ran.origins()[LMARENA].origin == expected
            assert "present inputs" in _skipped(ran)
            town.heal()
            ran.run("ingest")
    assert len(set(keys)) == len(keys) == 4


@pytest.mark.parametrize("job", [JOB_INGEST, JOB_CHOSEN_ASSETS])
def test_a_run_under_way_that_may_land_pulls_is_waited_for(
    job: str, ran: Pipeline, town: Publishers
) -> None:
    _land_news(ran, town)
    run_id = _run_left(ran, job)
    assert _skipped(ran) == f"Waiting for {job} {run_id}."
    # A quarter of an hour later it must have been killed.
    ran.clock.move(minutes=16)
    assert _asked(ran)


def test_a_refresh_that_never_ends_does_not_wedge(ran: Pipeline, town: Publishers) -> None:
    _land_news(ran, town)
    first = _asked(ran)
    _run_left(ran, "refresh", dict(first.tags))
    assert "Waiting for refresh" in _skipped(ran)
    ran.clock.move(minutes=16)
    second = _asked(ran)
    assert (first.tags[TAG_ATTEMPT], second.tags[TAG_ATTEMPT]) == ("1", "2")
    assert first.run_key != second.run_key


def test_a_command_at_work_is_waited_for_and_a_killed_one_is_not(
    ran: Pipeline, town: Publishers
) -> None:
    _land_news(ran, town)
    locations = ran.settings.locations
    run_id = _run_left(ran, "ingest", dict(command_tags(locations)))
    with run_lock(locations):
        assert "a command started" in _skipped(ran)
        assert _status(ran, run_id) == DagsterRunStatus.STARTED
    # The system let go of the lock: whoever held it is gone, and Dagster is told.
    assert _asked(ran)
    assert _status(ran, run_id) == DagsterRunStatus.FAILURE


def _status(pipeline: Pipeline, run_id: str) -> DagsterRunStatus:
    run = pipeline.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_refresh_that_fails_is_tried_three_times_and_then_left_visibly(
    ran: Pipeline, town: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    _land_news(ran, town)
    before, keys = ran.edition(), []
    with monkeypatch.context() as patch:
        patch.setattr(tables, "load_bronze", fail)
        for attempt, pause in ((1, 2), (2, 10), (3, 0)):
            request = _asked(ran)
            keys.append(request.run_key)
            assert request.tags[TAG_ATTEMPT] == str(attempt)
            assert not ran.run("refresh", request.tags).success
            if pause:
                # Counted from the end of the last attempt, which Dagster wrote down in real time.
                ran.clock.ahead = timedelta(minutes=pause - 0.5)
                assert f"Attempt {attempt} of 3 was in vain; the next is due" in _skipped(ran)
                ran.clock.ahead = timedelta(minutes=pause)
    assert len(set(keys)) == 3
    for hours in (0, 1, 1):
        ran.clock.move(hours=hours)
        assert re.match(r"The refresh was tried 3 times on these inputs \(\w{8}\)", _skipped(ran))
    assert ran.edition() == before
    failed = ran.instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    assert len(failed) == 3

    # Other inputs are another matter.
    town.facts = town.facts.next_day()
    ran.clock.move(hours=1)
    assert ran.run("ingest").success
    request = _asked(ran)
    assert request.tags[TAG_ATTEMPT] == "1"
    assert ran.run("refresh", request.tags).success
    assert "present inputs" in _skipped(ran)


def test_a_server_that_runs_older_code_than_its_runs_leaves_off_and_says_so(
    ran: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run is a process of its own and reads the code anew; the sensor's server does not."""
    for attempt in (1, 2, 3):
        with monkeypatch.context() as patch:
            patch.setattr("llmrec_pipeline.storage.inputs.code_version", lambda: "older")
            request = _asked(ran)
        assert request.tags[TAG_ATTEMPT] == str(attempt)
        assert ran.run("refresh", request.tags).success
        ran.clock.ahead += timedelta(minutes=15)
    monkeypatch.setattr("llmrec_pipeline.storage.inputs.code_version", lambda: "older")
    assert _skipped(ran).endswith("reload the code location.")


def test_a_refresh_by_hand_ends_the_matter(
    ran: Pipeline, town: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    _land_news(ran, town)
    assert _asked(ran)
    assert ran.run("refresh").success
    assert "present inputs" in _skipped(ran)


def test_a_damaged_edition_is_replaced(ran: Pipeline) -> None:
    edition = ran.edition()
    assert edition is not None
    os.truncate(edition.folder / "edition.json", 100)
    request = _asked(ran)
    assert ran.run("refresh", request.tags).success
    assert ran.edition() != edition
    assert "present inputs" in _skipped(ran)
