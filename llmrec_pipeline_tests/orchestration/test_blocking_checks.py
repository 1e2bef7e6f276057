"""A table that is wrong stops what stands behind it, and readers keep the edition they have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import polars as pl
import pytest
from dagster import AssetCheckSeverity

from llmrec_pipeline.orchestration.assets import results, tables
from llmrec_pipeline.storage.refreshing import derive_silver, rank_tasks
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline
from llmrec_pipeline_tests.publishers import AA, Publishers

WRONG = {
    "the_key_is_unique": "INSERT INTO serving_models SELECT * FROM serving_models LIMIT 1",
    "values_are_within_range": (
        f"UPDATE serving_models SET price_input_per_1m = -1 WHERE source = '{AA}'"
    ),
    "there_are_rows": "DELETE FROM serving_models",
}


@pytest.mark.parametrize("check", WRONG)
def test_wrong_silver_reaches_no_ranking_and_no_edition(
    ran: Pipeline, town: Publishers, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def derive_wrongly(con: duckdb.DuckDBPyConnection, *arguments: Any) -> Any:
        serving = derive_silver(con, *arguments)
        con.execute(WRONG[check])
        return serving

    before = ran.edition()
    town.facts = town.facts.next_day()
    assert ran.run("ingest").success
    with monkeypatch.context() as patch:
        patch.setattr(tables, "derive_silver", derive_wrongly)
        refresh = ran.run("refresh")
    assert not refresh.success
    assert any(line.startswith(f"silver_models: {check}") for line in refresh.warnings)
    assert check in str(refresh.error)
    evaluation = ran.checks(refresh)[f"silver_models: {check}"]
    assert evaluation.severity == AssetCheckSeverity.ERROR
    ends = ran.steps(refresh)
    assert (ends["bronze_models"], ends["silver_models"]) == ("STEP_SUCCESS", "STEP_FAILURE")
    assert not {"models_latest", "task_rankings", "edition", "market_digest"} & ends.keys()
    assert ran.edition() == before

    # The next run finds its own way back.
    assert ran.run("refresh").success
    assert ran.edition() != before


def test_a_ranking_over_two_measures_is_never_published(
    ran: Pipeline, town: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rank_wrongly(con: duckdb.DuckDBPyConnection, *arguments: Any) -> pl.DataFrame:
        frame = rank_tasks(con, *arguments)
        con.execute("UPDATE task_rankings SET basis_column = 'another' WHERE rank = 2")
        return frame

    before = ran.edition()
    monkeypatch.setattr(results, "rank_tasks", rank_wrongly)
    refresh = ran.run("refresh")
    assert not refresh.success
    assert "edition" not in ran.steps(refresh)
    assert ran.edition() == before


def test_the_literal_scorer_mixes_measures_by_definition(pipeline: Pipeline) -> None:
    literal = {**pipeline.environment, "LLMREC_TASKS__SCORER": "weighted_v1"}
    assert replace(pipeline, environment=literal).run("refresh").success
