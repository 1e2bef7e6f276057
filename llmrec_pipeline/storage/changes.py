"""`market_changes` and `market_changes_month`: what the newest pulls changed, beside the pulls
before them and beside those of 30 days before.

The pulls of one ingest are minutes apart, those of two ingests hours: half the interval of the
schedule before the newest accepted pull, the ones before it speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.market import Market
from llmrec_pipeline.domain.records import MARKET_CHANGES, MARKET_CHANGES_MONTH
from llmrec_pipeline.domain.timestamps import Moment
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.origins import read_serving
from llmrec_pipeline.storage.ranking_payload import ranking_payload
from llmrec_pipeline.storage.time_travel import payload_beside
from llmrec_pipeline.storage.warehouse import replace_rows, transaction

_MONTH = timedelta(days=30)


def note_changes(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture
) -> pl.DataFrame:
    """Fill both tables and return `market_changes`; empty before the second round of pulls."""
    ((first, newest),) = con.sql(
        "SELECT min(snapshot_ts), max(snapshot_ts) FROM pulls WHERE status = 'accepted'"
    ).fetchall()
    half_a_round = timedelta(hours=settings.pipeline.schedule.every_hours / 2)
    last: list[dict[str, Any]] = []
    month: list[dict[str, Any]] = []
    if newest is not None and first <= newest - half_a_round:
        after = Market({"edition": "", **ranking_payload(con, settings, read_serving(con))})

        def since(moment: datetime) -> list[dict[str, Any]]:
            before = payload_beside(con, settings, fixture, Moment(moment), serving_only=True)
            return _rows(before, after, moment, newest)

        last = since(newest - half_a_round)
        # The first round of pulls is the farthest that anything can be compared with.
        began = max(newest - _MONTH, first + half_a_round)
        month = since(began) if began < newest - half_a_round else last
    with transaction(con):
        for table, rows in ((MARKET_CHANGES, last), (MARKET_CHANGES_MONTH, month)):
            replace_rows(con, table.name, pl.DataFrame(rows, schema=polars_schema(table)))
    return pl.DataFrame(last, schema=polars_schema(MARKET_CHANGES))


def _rows(
    before: Mapping[str, Any], after: Market, since: datetime, newest: datetime
) -> list[dict[str, Any]]:
    return [
        {**change._asdict(), "since": since, "snapshot_ts": newest}
        for change in after.changes_since(before)
    ]
