"""A refresh in its steps. Orchestration and benchmarks call these; each may be repeated."""

from __future__ import annotations

import json
import uuid
from datetime import datetime

import duckdb
import polars as pl

from llmrec_pipeline.domain.ranking_pool import task_rankings
from llmrec_pipeline.domain.records import TASK_RANKINGS
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import Published
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.inputs import loaded_bronze, recorded_usage, served_inputs
from llmrec_pipeline.storage.judging import judge_pulls
from llmrec_pipeline.storage.lake import Lake, polars_schema
from llmrec_pipeline.storage.loading import Loaded, load
from llmrec_pipeline.storage.naming import map_identities
from llmrec_pipeline.storage.origins import Serving, read_serving, serve
from llmrec_pipeline.storage.own_speeds import load_own_speeds
from llmrec_pipeline.storage.publishing import publish
from llmrec_pipeline.storage.ranking_payload import ranking_payload
from llmrec_pipeline.storage.warehouse import get_meta, replace_rows, set_meta, transaction
from llmrec_pipeline.storage.weighing import weigh_evidence

_BRONZE = "bronze_served"
_USAGE = "usage_events_served"
_SERVED = "served"
_RANKED = "ranked"


def load_bronze(con: duckdb.DuckDBPyConnection, settings: Settings, lake: Lake) -> Loaded:
    """Load what is new and judge it."""
    loaded = load(con, lake)
    judge_pulls(con, settings)
    return loaded


def derive_silver(
    con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime, fixture: Fixture
) -> list[Serving]:
    """Choose what serves and give every name its key, in one transaction: rankings of the state
    before never meet names of the state after."""
    with transaction(con):
        map_identities(con, settings, fixture)
        serving = serve(con, settings, now, fixture)
        load_own_speeds(con, settings)
        set_meta(con, _SERVED, uuid.uuid4().hex)
        set_meta(con, _BRONZE, json.dumps(loaded_bronze(con, settings), sort_keys=True))
        # What lands while we derive makes the next edition.
        set_meta(con, _USAGE, recorded_usage(settings))
    return serving


def rank_tasks(con: duckdb.DuckDBPyConnection, settings: Settings) -> pl.DataFrame:
    """The consensus of each task type, and every task type and priority ranked without constraints,
    into `task_rankings`."""
    with transaction(con):
        weigh_evidence(con, settings)
        payload = ranking_payload(con, settings, read_serving(con))
        frame = pl.DataFrame(task_rankings(payload), schema=polars_schema(TASK_RANKINGS))
        replace_rows(con, "task_rankings", frame)
        set_meta(con, _RANKED, get_meta(con, _SERVED) or "")
    return frame


def publish_edition(
    con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime, fixture: Fixture
) -> Published:
    """Publish what the warehouse holds; rankings of an earlier state are made anew first, since
    another run may have loaded between two steps of ours."""
    if get_meta(con, _RANKED) != get_meta(con, _SERVED):
        rank_tasks(con, settings)
    bronze = json.loads(get_meta(con, _BRONZE) or "{}")
    usage = get_meta(con, _USAGE) or ""
    inputs = served_inputs(settings, read_serving(con), bronze, fixture.digest, usage)
    return publish(con, settings, now, inputs)
