"""Nothing assumes that the steps of a run share a process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dagster import DagsterInstance, execute_job, reconstructable

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.orchestration.launch import prepare_home
from llmrec_pipeline_tests.orchestration import multiprocess_location
from llmrec_pipeline_tests.orchestration.pipeline import HASTE, Pipeline
from llmrec_pipeline_tests.publishers import SOURCES, Publishers


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_process_for_each_step_makes_the_same_content(
    tmp_path: Path, town: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.page_size = 200
    environment = {**town.environment(), **HASTE, "LLMREC_PIPELINE__HTTP__READ_S": "5"}
    for name, value in {**environment, "LLMREC_DATA_DIR": str(tmp_path / "data")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    # The steps' processes find the tests' package as they find the pipeline's.
    monkeypatch.setenv("PYTHONPATH", str(PROJECT_ROOT))
    prepare_home()
    with DagsterInstance.get() as instance:
        for job in (multiprocess_location.ingest, multiprocess_location.refresh):
            with execute_job(reconstructable(job), instance, raise_on_error=False) as result:
                assert result.success
        assert {source: town.count(source) for source in SOURCES} == dict.fromkeys(SOURCES, 1)
        pipeline = Pipeline(tmp_path / "data", environment, instance)
        assert {pipeline.origins()[source].origin for source in SOURCES} == {"live"}
        edition = pipeline.edition()
        assert edition is not None
        assert edition.ranking()["models"]
        here = pipeline.copy(tmp_path / "here")
        here.settings.locations.warehouse.unlink()
        shutil.rmtree(here.data / "published")
        assert here.run("refresh").success
        again = here.edition()
        assert again is not None
        assert again.manifest()["tables"] == edition.manifest()["tables"]
        assert again.manifest()["content_digest"] == edition.manifest()["content_digest"]
