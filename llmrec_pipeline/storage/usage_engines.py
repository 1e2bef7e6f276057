"""Where the usage events are, and the engine that reads them there.

LLMREC_TELEMETRY_URL names it: `postgresql://…` (a table in the canonical columns), `sc://host:port`
(Spark Connect, over the Parquet partitions as the server sees them); without it, DuckDB reads our own
partitions. What is computed is computed there; only its rows come back.
"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llmrec_pipeline.domain.table_schema import Kind
from llmrec_pipeline.domain.telemetry_config import TelemetryConfig
from llmrec_pipeline.domain.usage_prices import Rate, Window
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.locations import Locations, SettingsError
from llmrec_pipeline.storage.usage_partitions import day_folder
from llmrec_pipeline.storage.usage_seals import TelemetryError, require_sound

VARIABLE = "LLMREC_TELEMETRY_URL"
DUCKDB, POSTGRESQL, SPARK = "duckdb", "postgresql", "spark"
_ALLOWED = "postgresql://user@host/name or sc://host:port"
_POSTGRESQL_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
# Of a Spark Connect server whose address names none.
_SPARK_PORT = 15002
_CONNECT_WITHIN_S = 5
_TYPES = {
    Kind.TEXT: "string",
    Kind.REAL: "float64",
    Kind.INTEGER: "int64",
    Kind.TIMESTAMP: "timestamp('UTC')",
}
_RATE_TYPES = {
    "provider_name": "string",
    "model_name": "string",
    "since": None,
    "until": None,
    "input_from": "int64",
    "input_below": "int64",
    "provider": "string",
    "model": "string",
    "input_price": "int64",
    "output_price": "int64",
    "cached_price": "int64",
}


class UsageEngine:
    """An engine with the events of one place. `table` gives those of a window, perhaps with more."""

    def __init__(
        self, name: str, backend: Any, table: Callable[[Window], Any], *, can_approximate: bool
    ) -> None:
        self.name = name
        self.can_approximate = can_approximate
        self._backend = backend
        self._table = table

    def events(self, window: Window) -> Any:
        """Ibis table of the events that started within a window. Raises TelemetryError, where they
        are our own partitions also for one that is not as it was written."""
        import ibis  # type: ignore[import-untyped]

        events = self._table(window)
        written = events.started_at.type()
        start, end = (
            ibis.literal(_as_written(at, written), type=written)
            for at in (window.start, window.end)
        )
        return events.filter(events.started_at >= start, events.started_at < end)

    def rates(self, rows: Sequence[Rate], events: Any) -> Any:
        """Ibis table of rates, with moments of the type that those of the events have."""
        import ibis
        import pyarrow as pa  # type: ignore[import-untyped]

        written = events.started_at.type()
        schema = ibis.schema({name: kind or written for name, kind in _RATE_TYPES.items()})
        told = [
            row._replace(
                since=_as_written(row.since, written), until=_as_written(row.until, written)
            )._asdict()
            for row in rows
        ]
        return ibis.memtable(pa.Table.from_pylist(told, schema=schema.to_pyarrow()), schema=schema)

    def rows(self, expression: Any) -> list[dict[str, Any]]:
        """The rows of an expression; raises TelemetryError."""
        with _told_errors(self.name), warnings.catch_warnings():
            # Ibis asks for no check of a schema, and Spark Connect says that it has none.
            warnings.filterwarnings("ignore", "'verifySchema' is ignored", UserWarning)
            found: list[dict[str, Any]] = self._backend.to_pyarrow(expression).to_pylist()
            return found


def _as_written(at: Any, written: Any) -> Any:
    """A moment for a column without a time zone, whose moments are UTC."""
    return at if written.timezone else at.replace(tzinfo=None)


@contextmanager
def open_usage_events(
    locations: Locations,
    config: TelemetryConfig,
    environment: Mapping[str, str] | None = None,
) -> Iterator[UsageEngine]:
    """The engine of this environment; raises SettingsError and TelemetryError."""
    env = os.environ if environment is None else environment
    url = env.get(VARIABLE, "").strip()
    scheme = url.partition("://")[0]
    if not url:
        opened = _duckdb(locations, config)
    elif scheme in _POSTGRESQL_SCHEMES:
        opened = _postgresql(f"postgresql://{url.partition('://')[2]}", config)
    elif scheme == "sc":
        opened = _spark(url, locations, config)
    else:
        # What was told is not shown: it may hold a password.
        raise SettingsError(f"{VARIABLE}: is no address of events; allowed: {_ALLOWED}")
    with opened as engine:
        yield engine


@contextmanager
def _duckdb(locations: Locations, config: TelemetryConfig) -> Iterator[UsageEngine]:
    import ibis

    backend = ibis.duckdb.connect(
        threads=config.threads,
        memory_limit=f"{config.max_memory_mb}MB",
        temp_directory=str(locations.data / "telemetry" / "tmp"),
    )
    try:
        # What takes long is told by the steps, and standard output belongs to the answer.
        for setting in ("TimeZone = 'UTC'", "enable_progress_bar = false"):
            backend.raw_sql(f"SET {setting}")
        backend.raw_sql("SET preserve_insertion_order = false")

        def table(window: Window) -> Any:
            paths = _partitions(locations.usage_events, window)
            require_sound(paths)
            names = [str(path) for path in paths]
            return backend.read_parquet(names, hive_partitioning=False) if names else _no_events()

        yield UsageEngine(DUCKDB, backend, table, can_approximate=True)
    finally:
        backend.disconnect()


def _partitions(folder: Path, window: Window) -> list[Path]:
    """Files of the window's days alone, so that history beside it costs nothing."""
    days = (window.start.date() + timedelta(days=day) for day in range(window.days))
    return [path for day in days for path in sorted(day_folder(folder, day).glob("*.parquet"))]


def _no_events() -> Any:
    import ibis
    import pyarrow as pa

    schema = ibis.schema({column.name: _TYPES[column.kind] for column in USAGE_EVENTS.columns})
    return ibis.memtable(pa.Table.from_pylist([], schema=schema.to_pyarrow()), schema=schema)


@contextmanager
def _postgresql(url: str, config: TelemetryConfig) -> Iterator[UsageEngine]:
    with _told_errors(POSTGRESQL), _installed("postgres"):
        import ibis
        import psycopg

        connection = psycopg.connect(url, connect_timeout=30)
    try:
        with _told_errors(POSTGRESQL):
            connection.execute("SET TIME ZONE 'UTC'")
            backend = ibis.postgres.from_connection(connection)
        schema, _, name = config.postgresql_table.rpartition(".")

        def table(_window: Window) -> Any:
            with _told_errors(POSTGRESQL):
                return backend.table(name, database=schema or None)

        yield UsageEngine(POSTGRESQL, backend, table, can_approximate=False)
    finally:
        connection.close()


@contextmanager
def _spark(url: str, locations: Locations, config: TelemetryConfig) -> Iterator[UsageEngine]:
    _answers(url)
    with _told_errors(SPARK), _installed("spark"):
        import ibis
        from pyspark.sql import SparkSession

        session = SparkSession.builder.remote(url).create()
    try:
        with _told_errors(SPARK):
            backend = ibis.pyspark.connect(session)
        folder = config.spark_events_path or str(locations.usage_events)

        def table(window: Window) -> Any:
            with _told_errors(SPARK):
                events = backend.read_parquet(folder)
            # The partition is told by its folder's name; the engine reads no other.
            day = events["day"].cast("string")
            first, last = (at.date().isoformat() for at in (window.start, window.end))
            return events.filter(day >= first, day < last)

        yield UsageEngine(SPARK, backend, table, can_approximate=True)
    finally:
        session.stop()


def _answers(url: str) -> None:
    """Raises SettingsError for no address, and TelemetryError where no server listens: Spark's client
    would try for minutes."""
    try:
        address = urlsplit(url)
        host, port = address.hostname, address.port or _SPARK_PORT
    except ValueError:
        host = None
    if not host:
        raise SettingsError(f"{VARIABLE}: is no address of events; allowed: {_ALLOWED}")
    try:
        socket.create_connection((host, port), _CONNECT_WITHIN_S).close()
    except OSError as error:
        raise TelemetryError(
            f"usage events in {SPARK}: nothing answers at {host}:{port} "
            f"({error.strerror or error}); start the server, or set {VARIABLE} to another"
        ) from None


@contextmanager
def _installed(extra: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise TelemetryError(
            f"{VARIABLE}: {error.name} is not installed; pip install 'llmrec-pipeline[{extra}]'"
        ) from None


@contextmanager
def _told_errors(engine: str) -> Iterator[None]:
    """What an engine says in many lines, in one. Whatever it raises is about the place of the
    events or about the events: the expression is ours and the same everywhere."""
    try:
        yield
    except (TelemetryError, SettingsError):
        raise
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        first = lines[0].strip() if lines else type(error).__name__
        raise TelemetryError(f"usage events in {engine}: {first}") from error
