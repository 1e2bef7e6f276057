"""The evidence store as assets: entered once, advised on once, and told where it cannot be; and what
people write in it, which makes another edition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from dagster import RunRequest, SensorDefinition, SkipReason, build_sensor_context
from sqlalchemy import select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice import VERDICTS
from llmrec_pipeline.domain.decisions import STATUSES
from llmrec_pipeline.orchestration import vocabulary
from llmrec_pipeline.orchestration.sensors import new_edition_sensor, new_snapshot_sensor
from llmrec_pipeline.orchestration.vocabulary import TAG_ATTEMPT, TAG_INPUTS
from llmrec_pipeline.serving.advice_report import as_markdown, reported
from llmrec_pipeline.storage.evidence_store.migrating import open_store
from llmrec_pipeline.storage.evidence_store.models import (
    CatalogModel,
    ModelBenchmark,
    ModelPricing,
    ModelRecommendation,
)
from llmrec_pipeline.storage.evidence_store.recommendations import decide
from llmrec_pipeline.team_settings import load_team_settings
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline
from llmrec_pipeline_tests.storage.evidence_rows import START

TABLES = {
    "models_catalog": CatalogModel,
    "model_pricing": ModelPricing,
    "model_benchmarks": ModelBenchmark,
}


@contextmanager
def _writing(pipeline: Pipeline) -> Iterator[Session]:
    store = open_store(pipeline.settings.locations)
    with store.writing() as session:
        yield session
    store.close()


def _tick(pipeline: Pipeline, sensor: SensorDefinition) -> RunRequest | SkipReason:
    answer = sensor(build_sensor_context(instance=pipeline.instance))
    assert isinstance(answer, RunRequest | SkipReason)
    return answer


def _wanted(pipeline: Pipeline) -> str | None:
    """Hash of the inputs that the sensor of refreshes wants ranked, None where it is content."""
    sensor = new_snapshot_sensor(pipeline.settings, pipeline.lake, pipeline.clock)
    answer = _tick(pipeline, sensor)
    return answer.tags[TAG_INPUTS] if isinstance(answer, RunRequest) else None


def _evidence_tick(pipeline: Pipeline) -> RunRequest | SkipReason:
    return _tick(pipeline, new_edition_sensor(pipeline.settings, pipeline.clock))


def test_the_warehouse_feeds_the_evidence_store_once(ran: Pipeline) -> None:
    request = _evidence_tick(ran)
    assert isinstance(request, RunRequest)
    first = ran.run(vocabulary.JOB_EVIDENCE, request.tags)
    again = ran.run(vocabulary.JOB_EVIDENCE)
    assert first.success, first.error
    assert again.success
    with _writing(ran) as session:
        rows = {name: session.query(table).count() for name, table in TABLES.items()}
        stored = reported(session, ran.settings, latest=True)
    for name, n in rows.items():
        assert first.metadata[name]["new"] == n > 0
        assert (again.metadata[name]["new"], again.metadata[name]["changed"]) == (0, 0)
    advised, same = (run.metadata["model_recommendations"] for run in (first, again))
    assert advised == same
    assert advised["dagster/row_count"] == advised["status/proposed"] == len(stored) > 0
    assert advised["report"] == as_markdown(stored)
    use_cases = load_team_settings(ran.settings.locations).models.by_use_case
    assert sum(advised[f"answer/{verdict}"] for verdict in VERDICTS) == len(use_cases) == 9
    assert sum(advised[f"status/{status}"] for status in STATUSES) == len(stored)
    # What the pipeline itself enters is no reason for another edition, nor for another run.
    assert _wanted(ran) is None
    assert "has taken edition" in str(_evidence_tick(ran))


def _published(pipeline: Pipeline, table: str) -> list[dict[str, Any]]:
    edition = pipeline.edition()
    assert edition is not None
    return pl.read_parquet(edition.folder / f"{table}.parquet").to_dicts()


def test_what_people_write_makes_another_edition_and_what_the_pipeline_writes_does_not(
    ran: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran.run(vocabulary.JOB_EVIDENCE).success
    with _writing(ran) as session:
        row = session.scalars(select(ModelRecommendation)).first()
        assert row is not None
        about = (row.id, row.use_case, row.recommended_model)
        decide(session, row, "accepted", "ana", "a private reason", START)
    after_decision = _wanted(ran)
    assert after_decision is not None
    told = ModelBenchmark(
        model_id=about[2],
        benchmark_name="our-evals",
        score=Decimal("0.5"),
        unit="fraction",
        task_type="coding",
        source="us",
        source_url="https://example.org/7",
        retrieved_at=START,
    )
    with _writing(ran) as session:
        session.add(told)
    assert _wanted(ran) not in (None, after_decision)

    assert ran.run(vocabulary.JOB_REFRESH).success
    assert _wanted(ran) is None
    (decision,) = _published(ran, "decisions")
    assert (
        decision["recommendation_id"],
        decision["use_case"],
        decision["recommended_model"],
    ) == about
    assert (decision["status"], decision["decided_at"]) == ("accepted", START)
    assert not {"decided_by", "why", "by"} & decision.keys()
    assert [row["score"] for row in _published(ran, "manual_benchmarks")] == [0.5]
    edition = ran.edition()
    with _writing(ran) as session:
        session.scalars(
            select(ModelBenchmark).where(ModelBenchmark.source == "us")
        ).one().score += 1
    assert _wanted(ran) is not None

    # A store that is away is no change, and leaves the last export in force.
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:1/nowhere")
    assert _wanted(ran) is None
    assert ran.run(vocabulary.JOB_REFRESH).success
    assert ran.edition() == edition


def test_an_edition_is_taken_up_at_most_three_times(
    ran: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("LLMREC_ENV", "production")
    for attempt in (1, 2, 3):
        request = _evidence_tick(ran)
        assert isinstance(request, RunRequest)
        assert request.tags[TAG_ATTEMPT] == str(attempt)
        run = ran.run(vocabulary.JOB_EVIDENCE, request.tags)
        assert not run.success
        assert "DATABASE_URL: missing" in (run.error or "")
        ran.clock.ahead += timedelta(minutes=15)
    assert "was tried 3 times on edition" in str(_evidence_tick(ran))
    # Other team files are another matter.
    config = tmp_path / "config"
    config.mkdir()
    for path in ran.settings.locations.config.iterdir():
        if path.is_file():
            (config / path.name).write_bytes(path.read_bytes())
    with (config / "models.yaml").open("a", encoding="utf-8") as file:
        file.write("# Another day.\n")
    ran.environment = {**ran.environment, "LLMREC_CONFIG_DIR": str(config)}
    request = _evidence_tick(ran)
    assert isinstance(request, RunRequest)
    assert request.tags[TAG_ATTEMPT] == "1"


def test_before_the_first_edition_there_is_nothing_to_take_up(pipeline: Pipeline) -> None:
    assert "No edition yet" in str(_evidence_tick(pipeline))
