"""The warehouse as of a moment: the pulls that had been observed (and landed) by then, under
today's code and settings, in memory beside the warehouse itself.

A verdict on a pull depends on the pulls observed before it alone, so today's verdicts up to a
moment are that moment's; what had landed by another moment is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from llmrec_pipeline.domain.timestamps import Moment
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence import populations_until
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.judging import judge_pulls, take_verdicts
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.naming import take_names
from llmrec_pipeline.storage.origins import read_serving
from llmrec_pipeline.storage.ranking_payload import ranking_payload
from llmrec_pipeline.storage.refreshing import derive_silver, load_bronze
from llmrec_pipeline.storage.warehouse import beside, open_warehouse, sql_text, transaction
from llmrec_pipeline.storage.weighing import weigh_evidence


@contextmanager
def warehouse_at(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    fixture: Fixture,
    moment: Moment,
    *,
    serving_only: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose tables and views hold what they held, or would have held, at a moment,
    derived from the open warehouse `con`. `serving_only` leaves out models that were gone by
    then, which spares reading all history."""
    with beside(con) as past:
        with transaction(past):
            known = {"as_of": moment.as_of, "known_at": moment.known_at}
            past.execute(sql_text("pulls_known"), known)
            past.execute(sql_text("contents_known"))
            if moment.known_at is None:
                take_verdicts(past, moment.as_of, serving_only=serving_only)
        judge_pulls(past, settings)
        with transaction(past):
            take_names(past, settings)
        derive_silver(past, settings, moment.as_of, fixture)
        # Without all history nobody can tell which pull was the first, but what had been frozen by
        # then is frozen still.
        frozen = populations_until(con, moment.as_of) if serving_only else None
        with transaction(past):
            weigh_evidence(past, settings, frozen)
        yield past


def payload_beside(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    fixture: Fixture,
    moment: Moment,
    *,
    serving_only: bool = False,
) -> dict[str, Any]:
    """The ranking payload of a moment, as an edition would carry it, from an open warehouse."""
    with warehouse_at(con, settings, fixture, moment, serving_only=serving_only) as past:
        return payload_of_past(past, settings, moment)


def payload_of_past(
    past: duckdb.DuckDBPyConnection, settings: Settings, moment: Moment
) -> dict[str, Any]:
    """The ranking payload of a warehouse of the past, as an edition would carry it."""
    return {"edition": moment.name, **ranking_payload(past, settings, read_serving(past))}


@contextmanager
def opened_at(
    settings: Settings, lake: Lake, fixture: Fixture, moment: Moment
) -> Iterator[duckdb.DuckDBPyConnection]:
    """`warehouse_at` on the warehouse's file; what is in the lake and not yet in the warehouse is
    loaded first. Raises WarehouseError where another process keeps the file for too long."""
    with open_warehouse(settings.locations.warehouse, settings.pipeline.warehouse) as con:
        load_bronze(con, settings, lake)
        with warehouse_at(con, settings, fixture, moment) as past:
            yield past
