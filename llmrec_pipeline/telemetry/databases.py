"""Logs in databases: PostgreSQL by a server-side cursor, SQLite. Only columns that the mapping reads
are asked for, and of JSON columns only its paths; nothing is ever written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    FromClause,
    MetaData,
    String,
    Table,
    and_,
    cast,
    create_engine,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from llmrec_pipeline.domain.usage_mapping import UsageMapping
from llmrec_pipeline.storage.evidence_store.opening import StoreAddress
from llmrec_pipeline.telemetry.files import require_columns
from llmrec_pipeline.telemetry.log import Entry, Place, UsageLogError

_ROWS_AT_ONCE = 5_000
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite",
}


def is_database(text: str) -> bool:
    """Whether it is a URL rather than a path."""
    return "://" in text


class DatabaseLog:
    """The table of a mapping, joined with the others that it names and that are there. Raises
    UsageLogError for a mapping without a table."""

    size: int | None = None
    # Rows come and go: a table has no place to return to, and is read anew.
    fingerprint: str | None = None

    def __init__(self, url: str, mapping: UsageMapping) -> None:
        self._url = _parsed(url)
        self._shown = StoreAddress(self._url, is_embedded=False).shown
        self._mapping = mapping
        if mapping.table is None:
            raise UsageLogError(
                f"{self._shown}: the mapping does not say which table; add `table: NAME` to it"
            )
        self.name = f"{self._shown}, table {mapping.table}"

    def read(self, _after: Place, /) -> Iterator[Entry]:
        """Every row, always from the beginning; raises UsageLogError where it cannot be asked."""
        try:
            with _connected(self._url) as connection:
                streaming = connection.execution_options(
                    stream_results=True, yield_per=_ROWS_AT_ONCE
                )
                rows = streaming.execute(self._query(connection)).mappings()
                for number, row in enumerate(rows, start=1):
                    yield Entry(Place(number), number, [dict(row)])
        except (NoSuchModuleError, ModuleNotFoundError):
            raise UsageLogError(
                f"{self._shown}: psycopg is not installed; pip install 'llmrec-pipeline[postgres]'"
            ) from None
        except DatabaseError as error:
            first = (str(error.orig).strip().splitlines() or [type(error).__name__])[0]
            raise UsageLogError(f"{self._shown}: {first}") from None
        except SQLAlchemyError as error:
            raise UsageLogError(f"{self._shown}: {str(error).splitlines()[0]}") from None

    def _query(self, connection: Connection) -> Any:
        tables = inspect(connection).get_table_names() + inspect(connection).get_view_names()
        wanted = str(self._mapping.table)
        name = _found(wanted, tables)
        if name is None:
            told = ", ".join(sorted(tables)[:30]) or "none"
            raise UsageLogError(f"{self._shown}: has no table {wanted}; its tables: {told}")
        metadata = MetaData()
        events = Table(name, metadata, autoload_with=connection)
        require_columns(self.name, [column.name for column in events.c], self._mapping)
        columns = list(self._columns(events, "", connection.engine))
        joined: FromClause = events
        for other, keys in self._mapping.joins.items():
            if (there := _found(other, tables)) is None:
                continue
            table = Table(there, metadata, autoload_with=connection)
            pairs = _pairs(events, table, {key: tuple(names) for key, names in keys.items()})
            if not pairs:
                continue
            single = _single(table, [column for _, column in pairs])
            joined = joined.outerjoin(
                single,
                # Keys may be numbers in one table and text in the other.
                and_(*(_text(own) == _text(single.c[key.name]) for own, key in pairs)),
            )
            columns += self._columns(single, f"{other}.", connection.engine)
        return select(*columns).select_from(joined)

    def _columns(self, table: FromClause, prefix: str, engine: Engine) -> Iterator[Any]:
        """What is read of a table, under the names by which the mapping speaks of it."""
        for column in table.c:
            name = f"{prefix}{column.name}"
            if not self._mapping.reads(name):
                continue
            paths = [path for path in self._mapping.paths() if path.startswith(f"{name}.")]
            is_json = isinstance(column.type, JSON) and engine.dialect.name == "postgresql"
            if not is_json or name in self._mapping.paths() or any("*" in path for path in paths):
                yield column.label(name)
                continue
            for path in paths:
                yield column[tuple(path.removeprefix(f"{name}.").split("."))].label(path)


def _pairs(
    events: Table, other: Table, keys: dict[str, tuple[str, ...]]
) -> list[tuple[Column[Any], Column[Any]]]:
    """The columns by which a table joins: of the event's, and the first that the other has."""
    pairs = []
    for own, names in keys.items():
        there = next((name for name in names if name in other.c), None)
        if own in events.c and there is not None:
            pairs.append((events.c[own], other.c[there]))
    # Two of the event's columns cannot both be the same one of the other table.
    return [pair for i, pair in enumerate(pairs) if pair[1] not in [p[1] for p in pairs[:i]]]


def _single(table: Table, keys: list[Column[Any]]) -> FromClause:
    """The rows of a table that are the only ones with their keys."""
    alone = select(*keys).group_by(*keys).having(func.count() == 1).subquery()
    matches = and_(*(table.c[key.name] == alone.c[key.name] for key in keys))
    return select(table).join(alone, matches).subquery()


def _text(column: Any) -> Any:
    return cast(column, String)


def _found(wanted: str, tables: list[str]) -> str | None:
    """The table of that name; whatever its case where none has it exactly."""
    if wanted in tables:
        return wanted
    return next((name for name in tables if name.lower() == wanted.lower()), None)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # What was given may hold a password.
        raise UsageLogError(
            "the URL cannot be read; expected postgresql://user@host/name or sqlite:///path"
        ) from None
    if parsed.drivername not in _DRIVERS:
        raise UsageLogError(
            f"{parsed.drivername}:// is not supported; expected postgresql://user@host/name or "
            "sqlite:///path"
        )
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, execution_options={"postgresql_readonly": True})
    path = Path(url.database or "")
    if not path.is_file():
        raise UsageLogError(f"SQLite {path}: no such file")
    # Opening it otherwise would create what is not there.
    read_only = f"file:{path.absolute()}?mode=ro"
    return create_engine(url.set(database=read_only, query={"uri": "true"}))
