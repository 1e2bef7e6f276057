"""Invented usage events, and the places that they can be in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from llmrec_pipeline.domain.table_schema import Kind
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.storage.lake import polars_schema

_POSTGRESQL_TYPES = {
    Kind.TEXT: "text",
    Kind.REAL: "double precision",
    Kind.INTEGER: "bigint",
    Kind.TIMESTAMP: "timestamptz",
}
Event = dict[str, Any]


def event(number: int, started_at: datetime, **values: Any) -> Event:
    """A call that went well, of a known price and length."""
    return {
        **dict.fromkeys(USAGE_EVENTS.names),
        "source": "invented",
        "event_id": str(number),
        "started_at": started_at,
        "operation_name": "chat",
        "provider_name": "laboratory",
        "response_model": "line-1",
        "role": "builder",
        "status": "ok",
        "input_tokens": 1_000,
        "output_tokens": 100,
        "calls": 1,
        **values,
    }


def frame(events: Iterable[Event]) -> pl.DataFrame:
    """The events as a frame in the canonical columns."""
    return pl.DataFrame(list(events), schema=polars_schema(USAGE_EVENTS), orient="row")


def write_partitions(folder: Path, events: Iterable[Event]) -> None:
    """The events as Parquet, a file for each UTC day."""
    by_day: dict[str, list[Event]] = {}
    for one in events:
        day = one["started_at"].astimezone(UTC).date().isoformat()
        by_day.setdefault(day, []).append(one)
    for day, rows in by_day.items():
        partition = folder / f"day={day}"
        partition.mkdir(parents=True, exist_ok=True)
        frame(rows).write_parquet(partition / "events.parquet")


def write_postgresql(url: str, events: Iterable[Event], table: str = USAGE_EVENTS.name) -> None:
    """The events as a table of a PostgreSQL."""
    import psycopg

    columns = ", ".join(f"{c.name} {_POSTGRESQL_TYPES[c.kind]}" for c in USAGE_EVENTS.columns)
    names = ", ".join(USAGE_EVENTS.names)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute(f"CREATE TABLE {table} ({columns})")
        with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for one in events:
                copy.write_row([one[name] for name in USAGE_EVENTS.names])
