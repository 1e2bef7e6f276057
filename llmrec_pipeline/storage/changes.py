"""`market_changes`: what the newest pulls changed, beside the pulls before them.

The pulls of one ingest are minutes apart, those of two ingests hours: half the interval of the
schedule before the newest accepted pull, the ones before it speak.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.market import market_changes
from llmrec_pipeline.domain.records import MARKET_CHANGES
from llmrec_pipeline.domain.timestamps import Moment
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.origins import read_serving
from llmrec_pipeline.storage.publishing import ranking_payload
from llmrec_pipeline.storage.time_travel import payload_beside
from llmrec_pipeline.storage.warehouse import insert_frame, transaction


def note_changes(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture
) -> pl.DataFrame:
    """Fill `market_changes` and return it; empty before the second round of pulls."""
    ((first, newest),) = con.sql(
        "SELECT min(snapshot_ts), max(snapshot_ts) FROM pulls WHERE status = 'accepted'"
    ).fetchall()
    half_a_round = timedelta(hours=settings.pipeline.schedule.every_hours / 2)
    rows: list[dict[str, Any]] = []
    if newest is not None and first <= newest - half_a_round:
        since = newest - half_a_round
        before = payload_beside(con, settings, fixture, Moment(since), serving_only=True)
        after = {"edition": "", **ranking_payload(con, settings, read_serving(con))}
        rows = [
            {**change._asdict(), "since": since, "snapshot_ts": newest}
            for change in market_changes(before, after)
        ]
    frame = pl.DataFrame(rows, schema=polars_schema(MARKET_CHANGES))
    with transaction(con):
        con.execute("DELETE FROM market_changes")
        insert_frame(con, "market_changes", frame)
    return frame
