"""The warehouse: DuckDB tables derived from the lake, incrementally, rebuilt at will.

Its content is a pure function of pull records, bronze, bundled fixtures, configuration and code,
and of the moment it is asked for only through the origins. The steps of a refresh, in order:
`load`, `judge_pulls`, `map_identities` with `serve`; each is one transaction and may be repeated.
What a step has to do it tells from the tables, so that one that never ended is made up for.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.records import (
    BENCHMARK_RESULTS,
    BRONZE_MODELS,
    CATEGORY_RANKINGS,
    CONSENSUS,
    MARKET_CHANGES,
    MARKET_CHANGES_MONTH,
    MEASURE_POPULATIONS,
    MEASURE_READINGS,
    MODELS_SNAPSHOT,
    PULLS,
    SNAPSHOT_TS,
    TASK_RANKINGS,
)
from llmrec_pipeline.domain.table_schema import Column, Kind, Table
from llmrec_pipeline.settings import WarehouseSettings

SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.REAL: "DOUBLE",
    Kind.INTEGER: "BIGINT",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMPTZ",
}
# In an order in which each finds those that it reads.
_VIEWS = (
    "model_identity_map",
    "silver_models",
    "silver_doubles",
    "model_identity_review",
    "accepted_pulls",
    "models_history",
    "model_offerings",
    "offerings_latest",
    "price_conflicts",
    "measures_latest",
    "models_latest",
)
_DAMAGE = re.compile(r"checksum|corrupt", re.IGNORECASE)
_ORIGIN = Column("origin", Kind.TEXT, "live, cached or fixture", required=True)


class WarehouseError(Exception):
    """The warehouse cannot be used. One line that says why and what to do."""


def ddl(table: Table, *, name: str | None = None, extra: Sequence[Column] = ()) -> str:
    """CREATE TABLE for one entry of the schema table."""
    columns = ", ".join(
        f"{column.name} {SQL_TYPES[column.kind]}{' NOT NULL' if column.required else ''}"
        for column in (*table.columns, *extra)
    )
    return f"CREATE TABLE IF NOT EXISTS {name or table.name} ({columns})"


def _statements() -> list[str]:
    return [
        ddl(BRONZE_MODELS),
        ddl(BENCHMARK_RESULTS, name="bronze_benchmarks"),
        ddl(PULLS),
        ddl(TASK_RANKINGS),
        ddl(CATEGORY_RANKINGS),
        ddl(MARKET_CHANGES),
        ddl(MARKET_CHANGES_MONTH),
        ddl(MEASURE_READINGS),
        ddl(MEASURE_POPULATIONS),
        ddl(CONSENSUS),
        ddl(MODELS_SNAPSHOT, name="serving_models", extra=(_ORIGIN, SNAPSHOT_TS)),
        ddl(BENCHMARK_RESULTS, name="serving_benchmarks"),
        "CREATE TABLE IF NOT EXISTS meta (name VARCHAR PRIMARY KEY, value VARCHAR)",
        "CREATE TABLE IF NOT EXISTS log_offsets (path VARCHAR PRIMARY KEY, position BIGINT)",
        "CREATE TABLE IF NOT EXISTS pull_records (source VARCHAR, observed_at TIMESTAMPTZ, "
        "landed_at TIMESTAMPTZ, content_hash VARCHAR, parser_version VARCHAR, rows BIGINT, "
        "bronze VARCHAR)",
        "CREATE TABLE IF NOT EXISTS contents (source VARCHAR, content_hash VARCHAR, "
        "observed_at TIMESTAMPTZ)",
        # How many values of each measure a file of bronze holds, so that nobody has to count them
        # again. An index column has no category; its version is that of the pull.
        "CREATE TABLE IF NOT EXISTS measures_held (source VARCHAR, observed_at TIMESTAMPTZ, "
        "name VARCHAR, category VARCHAR, index_version VARCHAR, unit VARCHAR, n BIGINT)",
        "CREATE TABLE IF NOT EXISTS folds (source VARCHAR, snapshot_ts TIMESTAMPTZ, state VARCHAR)",
        "CREATE TABLE IF NOT EXISTS history_months (month VARCHAR PRIMARY KEY, digest VARCHAR, "
        "rows BIGINT, pulls BIGINT)",
        "CREATE TABLE IF NOT EXISTS source_names (source VARCHAR, source_model_id VARCHAR, "
        "model_name VARCHAR, creator VARCHAR, host VARCHAR, release_date DATE, same_as VARCHAR, "
        "last_seen TIMESTAMPTZ, PRIMARY KEY (source, source_model_id))",
        "CREATE TABLE IF NOT EXISTS resolved_names (source VARCHAR, source_model_id VARCHAR, "
        "model_name VARCHAR, creator VARCHAR, host VARCHAR, release_date DATE, same_as VARCHAR, "
        "canonical_model_key VARCHAR, base_model VARCHAR, variant VARCHAR, model_creator VARCHAR, "
        "serving_host VARCHAR, offering_key VARCHAR, identity_method VARCHAR, confidence DOUBLE, "
        "reason VARCHAR, proposal VARCHAR, plain_name VARCHAR)",
        "CREATE TABLE IF NOT EXISTS name_proposals (source VARCHAR, source_model_id VARCHAR, "
        "proposal VARCHAR, score DOUBLE, evidence VARCHAR)",
        "CREATE TABLE IF NOT EXISTS serving (source VARCHAR PRIMARY KEY, origin VARCHAR, "
        "snapshot_ts TIMESTAMPTZ, verified_at TIMESTAMPTZ, content_hash VARCHAR, "
        "index_version VARCHAR, rows BIGINT, accepted_at TIMESTAMPTZ, accepted_content VARCHAR, "
        "in_fixture BOOLEAN, doubted_until TIMESTAMPTZ)",
        "CREATE TABLE IF NOT EXISTS creator_hosts (creator VARCHAR PRIMARY KEY, host VARCHAR)",
        "CREATE TABLE IF NOT EXISTS own_speeds (canonical_model_key VARCHAR PRIMARY KEY, "
        "output_tokens_per_s DOUBLE, ttft_s DOUBLE)",
        "CREATE TABLE IF NOT EXISTS source_order (kind VARCHAR, source VARCHAR, position BIGINT)",
        "CREATE TABLE IF NOT EXISTS thresholds (name VARCHAR PRIMARY KEY, value DOUBLE)",
        "CREATE TABLE IF NOT EXISTS benchmark_columns (source VARCHAR, category VARCHAR, "
        "measure_column VARCHAR)",
    ]


def sql_text(name: str) -> str:
    """One of the package's .sql files."""
    return importlib.resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")


def schema_hash() -> str:
    """Hash of everything that shapes the tables; another hash means another warehouse."""
    text = "\n".join([*_statements(), *(sql_text(view) for view in _VIEWS)])
    return hashlib.sha256(text.encode()).hexdigest()


def _holder(message: str) -> str | None:
    """Who keeps the file from us, None where that is not what went wrong."""
    if "different configuration" in message:
        return f"process {os.getpid()} (this one)"
    if "Could not set lock" not in message:
        return None
    match = re.search(r"held in (.+?) \(PID (\d+)\)", message)
    return f"process {match[2]} ({match[1]})" if match else "another process"


@contextmanager
def open_warehouse(
    path: Path,
    limits: WarehouseSettings,
    *,
    read_only: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is always closed. Waits a bounded time for another process to let go of
    the file, then raises WarehouseError naming the holder; likewise for a file that is damaged or,
    to read only, not there."""
    if read_only and not path.exists():
        raise WarehouseError(f"{path}: there is no warehouse yet; run `llmrec run`")
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = monotonic() + limits.lock_wait_s
    config = _config(limits)
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only, config=config)
            break
        except duckdb.Error as error:
            message = str(error)
            holder = _holder(message)
            if holder is None:
                raise _damaged(path, error) from None
            if monotonic() >= deadline:
                raise WarehouseError(
                    f"{path}: still held by {holder} after {limits.lock_wait_s:g} s; "
                    "end it or try again later"
                ) from None
            sleep(0.1)
    try:
        _configure(connection)
        if not read_only:
            _prepare(connection)
        yield connection
    except duckdb.Error as error:
        if _is_damage(error):
            raise _damaged(path, error) from None
        raise
    finally:
        connection.close()


def _is_damage(error: duckdb.Error) -> bool:
    """Whether the file no longer is what DuckDB wrote, which it tells by the checksum of a block."""
    kinds = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
    return isinstance(error, kinds) or _DAMAGE.search(str(error)) is not None


def _damaged(path: Path, error: duckdb.Error) -> WarehouseError:
    return WarehouseError(f"{path}: {str(error).splitlines()[0]}; run `llmrec rebuild`")


@contextmanager
def beside(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory, gone afterwards, whose bronze, and what is counted of it, is that
    of an open one, which it reads as `warehouse`."""
    # A cursor is a session of its own: the open one goes on in its own database.
    past = con.cursor()
    try:
        _configure(past)
        past.execute("ATTACH ':memory:' AS past")
        past.execute("USE past")
        _prepare(past)
        for table in ("bronze_models", "bronze_benchmarks", "measures_held"):
            past.execute(f"DROP TABLE {table}")
            past.execute(f"CREATE VIEW {table} AS SELECT * FROM warehouse.{table}")
        yield past
    finally:
        past.execute("USE warehouse")
        past.execute("DETACH DATABASE IF EXISTS past")
        past.close()


def _config(limits: WarehouseSettings) -> dict[str, Any]:
    return {"memory_limit": f"{limits.max_memory_mb}MB", "threads": limits.threads}


def _configure(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'UTC'")
    # What takes long is told by the steps, and standard output belongs to the answer.
    con.execute("SET enable_progress_bar = false")


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing; an older shape is dropped, since all of it is derived."""
    tables = {
        row[0]
        for row in con.sql(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        ).fetchall()
    }
    wanted = schema_hash()
    if "meta" in tables and get_meta(con, "schema_hash") == wanted:
        return
    with transaction(con):
        for (view,) in con.sql(
            "SELECT view_name FROM duckdb_views() "
            "WHERE NOT internal AND database_name = current_database()"
        ).fetchall():
            con.execute(f'DROP VIEW "{view}"')
        for table in tables:
            con.execute(f'DROP TABLE "{table}"')
        for statement in _statements():
            con.execute(statement)
        for view in _VIEWS:
            con.execute(sql_text(view))
        set_meta(con, "schema_hash", wanted)


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def first_row(
    con: duckdb.DuckDBPyConnection, query: str, parameters: object = None
) -> tuple[Any, ...] | None:
    """The first row of a query of few rows; None without one. All are fetched, since DuckDB 2 keeps
    a connection busy until a result is read to its end."""
    rows = con.execute(query, parameters).fetchall()
    return rows[0] if rows else None


def named_rows(
    result: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation,
) -> list[dict[str, Any]]:
    """The rows of a result as mappings by column name."""
    columns = [entry[0] for entry in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def get_meta(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """A note that the warehouse keeps about itself."""
    row = first_row(con, "SELECT value FROM meta WHERE name = ?", [name])
    return row[0] if row else None


def set_meta(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Write such a note."""
    con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])


def insert_frame(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Append a frame by column name; pass the frame's data, not its name, to DuckDB."""
    if frame.is_empty():
        return
    con.register("incoming", frame.to_arrow())
    try:
        con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    finally:
        con.unregister("incoming")


def replace_rows(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Make a frame all that a table holds. Runs within the caller's transaction."""
    con.execute(f"DELETE FROM {table}")
    insert_frame(con, table, frame)


def touch_months(con: duckdb.DuckDBPyConnection, months: Iterable[str]) -> None:
    """Note that months of history may hold something else now: their digests are unknown."""
    for month in sorted(months):
        con.execute(
            "INSERT INTO history_months (month) VALUES (?) ON CONFLICT DO UPDATE SET digest = NULL",
            [month],
        )
