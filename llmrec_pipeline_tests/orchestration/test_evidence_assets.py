"""The evidence store as assets: entered once, and told where it cannot be."""

from __future__ import annotations

import pytest

from llmrec_pipeline.orchestration import vocabulary
from llmrec_pipeline.storage.evidence_store.migrating import open_store
from llmrec_pipeline.storage.evidence_store.models import CatalogModel, ModelBenchmark, ModelPricing
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline

TABLES = {
    "models_catalog": CatalogModel,
    "model_pricing": ModelPricing,
    "model_benchmarks": ModelBenchmark,
}


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database of whoever runs the tests."""
    for variable in ("DATABASE_URL", "LLMREC_ENV"):
        monkeypatch.delenv(variable, raising=False)


def test_the_warehouse_feeds_the_evidence_store_once(pipeline: Pipeline) -> None:
    for job in (vocabulary.JOB_INGEST, vocabulary.JOB_REFRESH):
        assert pipeline.run(job).success
    first, again = (pipeline.run(vocabulary.JOB_EVIDENCE) for _ in range(2))
    assert first.success
    assert again.success
    store = open_store(pipeline.settings.locations)
    for name, table in TABLES.items():
        with store.reading() as session:
            rows = session.query(table).count()
        assert first.metadata[name]["new"] == rows > 0
        assert (again.metadata[name]["new"], again.metadata[name]["changed"]) == (0, 0)
    store.close()


def test_production_without_a_database_is_told(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pipeline.run(vocabulary.JOB_REFRESH).success
    monkeypatch.setenv("LLMREC_ENV", "production")
    run = pipeline.run(vocabulary.JOB_EVIDENCE)
    assert not run.success
    assert "DATABASE_URL: missing" in (run.error or "")
