"""Pipelines in this process, on a Dagster instance in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from llmrec_pipeline_tests.orchestration.pipeline import HASTE, Pipeline
from llmrec_pipeline_tests.publishers import Facts, Publishers


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database of whoever runs the tests."""
    for variable in ("DATABASE_URL", "LLMREC_ENV"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def shared_publishers() -> Iterator[Publishers]:
    """One server for a module; `town` puts it in order for each test."""
    with Publishers(Facts.invented(), page_size=25, quota=1_000_000) as server:
        yield server


@pytest.fixture
def town(shared_publishers: Publishers) -> Publishers:
    """The module's server, without faults, telling the invented facts."""
    shared_publishers.heal()
    shared_publishers.forget()
    shared_publishers.facts = Facts.invented()
    return shared_publishers


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pipeline(tmp_path: Path, town: Publishers, instance: DagsterInstance) -> Pipeline:
    """A pipeline that never ran."""
    return Pipeline(tmp_path / "data", {**town.environment(), **HASTE}, instance)


@pytest.fixture(scope="module")
def _once(
    tmp_path_factory: pytest.TempPathFactory, shared_publishers: Publishers
) -> Iterator[Pipeline]:
    shared_publishers.heal()
    shared_publishers.facts = Facts.invented()
    environment = {**shared_publishers.environment(), **HASTE}
    with DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(tmp_path_factory.mktemp("good") / "data", environment, instance)
        pipeline.clock.move(hours=-6)
        for job in ("ingest", "refresh"):
            summary = pipeline.run(job)
            assert summary.success, summary.error
        yield pipeline


@pytest.fixture
def ran(_once: Pipeline, town: Publishers, instance: DagsterInstance, tmp_path: Path) -> Pipeline:
    """A pipeline with one good run six hours ago."""
    pipeline = _once.copy(tmp_path / "data")
    pipeline.instance = instance
    return pipeline
