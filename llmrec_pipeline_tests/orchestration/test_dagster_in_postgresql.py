"""A Dagster instance stored in PostgreSQL, as config/dagster.postgres.yaml says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from sqlalchemy import create_engine, make_url, text

from llmrec_pipeline.locations import PROJECT_ROOT, SettingsError
from llmrec_pipeline.orchestration import vocabulary
from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.orchestration.launch import POSTGRES_VARIABLE, prepare_home, run_job
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline

JOBS = (vocabulary.JOB_INGEST, vocabulary.JOB_REFRESH, vocabulary.JOB_EVIDENCE)


def test_the_whole_graph_gives_the_same_content_on_an_instance_in_postgresql(
    ran: Pipeline, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = ran.edition()
    assert edition is not None
    expected = edition.manifest()["content_digest"]
    ran.settings.locations.warehouse.unlink()
    shutil.rmtree(ran.settings.locations.published)
    ran.environment = {**ran.environment, "LLMREC_REPORT__AFTER_REFRESH": "true"}

    url = make_url(postgresql_url).set(drivername="postgresql+psycopg2")
    address = url.render_as_string(hide_password=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(POSTGRES_VARIABLE, address)
    home = prepare_home()
    with DagsterInstance.get() as instance:
        ran.instance = instance
        for job in JOBS:
            run = ran.run(job)
            assert run.success, run.error
        graph = build_defs(ran.settings).resolve_asset_graph()
        assert graph.materializable_asset_keys == set(instance.get_asset_keys())
    edition = ran.edition()
    assert edition is not None
    assert edition.manifest()["content_digest"] == expected

    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        runs = connection.execute(text("SELECT pipeline_name, status FROM runs ORDER BY id"))
        assert [tuple(run) for run in runs] == [(job, "SUCCESS") for job in JOBS]
    engine.dispose()
    assert not list(home.rglob("*.db"))
    assert address not in (home / "dagster.yaml").read_text("utf-8")


def test_only_the_storage_differs() -> None:
    own, server = (
        yaml.safe_load((PROJECT_ROOT / "config" / name).read_text("utf-8"))
        for name in ("dagster.yaml", "dagster.postgres.yaml")
    )
    assert server.pop("storage") == {"postgres": {"postgres_url": {"env": POSTGRES_VARIABLE}}}
    assert server == own


@pytest.mark.parametrize(
    "address", ["nonsense", "postgresql+psycopg2://me:correct-horse@127.0.0.1:1/dagster"]
)
def test_a_storage_that_cannot_be_opened_is_told_in_one_line(
    address: str, ran: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(POSTGRES_VARIABLE, address)
    monkeypatch.setattr("dagster_postgres.utils.time.sleep", lambda _: None)
    with pytest.raises(SettingsError) as refused:
        run_job(vocabulary.JOB_REFRESH, ran.settings)
    assert str(refused.value).startswith(f"{POSTGRES_VARIABLE}: Dagster's storage cannot be opened")
    assert "correct-horse" not in str(refused.value)
