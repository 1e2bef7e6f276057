"""Which database the evidence store is, who may write to it, and how it is opened.

`DATABASE_URL` names it; without one it is `evidence.sqlite3` in the data folder. With
`LLMREC_ENV=production` only a PostgreSQL that `DATABASE_URL` names is opened, and SQLite is refused.
A password is never shown: an address is shown as kind, host and name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from llmrec_pipeline.locations import Locations, SettingsError
from llmrec_pipeline.storage.evidence_store.column_types import SQLITE

VARIABLE, ENVIRONMENT_VARIABLE = "DATABASE_URL", "LLMREC_ENV"
PRODUCTION = "production"
_ENVIRONMENTS = ("development", "test", "staging", PRODUCTION)
_EMBEDDED_FILE = "evidence.sqlite3"
_POSTGRESQL_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
_ALLOWED = "postgresql://user@host/name or sqlite:///path"
# How long a process waits for another one that writes. A catalogue takes a second or two.
_BUSY_S = 30
# How long a server may take to answer at all, unless its address says otherwise.
_CONNECT_S = 10
# The lock that writers to a PostgreSQL take turns by; any number that nobody else in the database
# uses.
_WRITERS = 0x6C6C6D72
_WRITES = "llmrec_writes"
# How SQLite says that its file is none of its own.
_DAMAGED = re.compile(r"malformed|not a database")
# How SQLite and PostgreSQL say that a table or column is not there.
_NOT_MIGRATED = re.compile(r"no such (table|column)|(relation|column) .+ does not exist")


class EvidenceStoreError(Exception):
    """The store cannot be used as asked. One line that says what to do."""


class StoreBusyError(EvidenceStoreError):
    """Another process has been writing for longer than we wait."""


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A database that may be opened. `is_embedded`: nobody named it, it is the data folder's own."""

    url: URL
    is_embedded: bool

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite, else a PostgreSQL."""
        return self.url.get_backend_name() == SQLITE

    @property
    def is_in_memory(self) -> bool:
        """Whether it is gone with its process."""
        return self.is_sqlite and self.url.database in (None, "", ":memory:")

    @property
    def shown(self) -> str:
        """The address without user and password."""
        if self.is_in_memory:
            return "SQLite in memory"
        if self.is_sqlite:
            return f"SQLite {self.url.database}"
        port = f":{self.url.port}" if self.url.port else ""
        return f"PostgreSQL {self.url.database} on {self.url.host or 'this machine'}{port}"


def store_address(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> StoreAddress:
    """The database of this environment; raises SettingsError for one that is not allowed."""
    env = os.environ if environment is None else environment
    in_production = _environment(env) == PRODUCTION
    told = env.get(VARIABLE, "").strip()
    if not told:
        if in_production:
            raise SettingsError(
                f"{VARIABLE}: missing; with {ENVIRONMENT_VARIABLE}={PRODUCTION} the evidence store "
                f"is a PostgreSQL that it names, such as postgresql://user@host/name"
            )
        file = locations.data / _EMBEDDED_FILE
        return StoreAddress(URL.create(SQLITE, database=str(file)), is_embedded=True)
    address = StoreAddress(_parsed(told), is_embedded=False)
    if in_production and address.is_sqlite:
        raise SettingsError(
            f"{VARIABLE}: SQLite is not allowed with {ENVIRONMENT_VARIABLE}={PRODUCTION}; name a "
            f"PostgreSQL, such as postgresql://user@host/name"
        )
    return address


def _environment(env: Mapping[str, str]) -> str:
    """A misspelt `production` would lift its rules without a word, so unknown names are refused."""
    name = env.get(ENVIRONMENT_VARIABLE, "").strip().lower() or _ENVIRONMENTS[0]
    if name not in _ENVIRONMENTS:
        raise SettingsError(
            f"{ENVIRONMENT_VARIABLE}: {name!r} is not allowed; allowed: {', '.join(_ENVIRONMENTS)}"
        )
    return name


def _parsed(told: str) -> URL:
    """The URL with the driver that we use. What was told is never shown: it may hold a password."""
    try:
        url = make_url(told)
    except (ArgumentError, ValueError):
        raise SettingsError(f"{VARIABLE}: is no database URL; allowed: {_ALLOWED}") from None
    if url.drivername in _POSTGRESQL_SCHEMES:
        if "@" in f"{url.host} {url.database}":
            # What is taken for a host or a name is a part of the password.
            raise SettingsError(
                f"{VARIABLE}: has more than one @; write one in a password as %40, a / as %2F"
            )
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in (SQLITE, "sqlite+pysqlite"):
        return url.set(drivername=SQLITE)
    raise SettingsError(f"{VARIABLE}: {url.drivername!r} is not supported; allowed: {_ALLOWED}")


class EvidenceStore:
    """An open database. Readers see what was committed; writers take turns, across processes, and
    raise StoreBusyError where another one's takes too long."""

    def __init__(self, address: StoreAddress) -> None:
        self.address = address
        self.engine = _engine(address)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that writes nothing; raises EvidenceStoreError."""
        with self._session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one transaction, alone among writers: what it has read stays true until it
        commits. All of it is written, or nothing. Raises EvidenceStoreError."""
        with self._session(self.engine.execution_options(**{_WRITES: True})) as session:
            yield session
            session.commit()

    def require_sound(self) -> None:
        """That an SQLite file is a whole one, by its own check; raises EvidenceStoreError. A
        PostgreSQL has checksums and an administrator."""
        if not self.address.is_sqlite:
            return
        with self.reading() as session:
            found = session.scalars(text("PRAGMA integrity_check(1)")).one()
        if found != "ok":
            raise damaged(self.address, " ".join(str(found).split()))

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection in one transaction, alone among writers, for changes of the schema. Raises
        EvidenceStoreError."""
        engine = self.engine.execution_options(**{_WRITES: True})
        with _told_errors(self.address), engine.begin() as connection:
            yield connection

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with _told_errors(self.address), Session(engine, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@contextmanager
def _told_errors(address: StoreAddress) -> Iterator[None]:
    """What a database says in many lines, in one, without what was to be written."""
    try:
        yield
    except NoSuchModuleError as error:
        raise EvidenceStoreError(f"{address.shown}: {error}") from None
    except DatabaseError as error:
        first = (str(error.orig).strip().splitlines() or [type(error).__name__])[0]
        if "database is locked" in first:
            raise StoreBusyError(
                f"{address.shown}: another process has been writing for {_BUSY_S} s; try again"
            ) from None
        if _NOT_MIGRATED.search(first):
            raise EvidenceStoreError(f"{address.shown}: {first}; run `llmrec db upgrade`") from None
        if _DAMAGED.search(first):
            raise damaged(address, first) from None
        raise EvidenceStoreError(f"{address.shown}: {first}") from None


def damaged(address: StoreAddress, found: str) -> EvidenceStoreError:
    """What people wrote is in no other place, so that nothing can make it again."""
    return EvidenceStoreError(f"{address.shown}: damaged: {found}; restore it from a backup")


def _engine(address: StoreAddress) -> Engine:
    if not address.is_sqlite:
        try:
            engine = create_engine(
                address.url,
                pool_pre_ping=True,
                connect_args={
                    "connect_timeout": address.url.query.get("connect_timeout", _CONNECT_S)
                },
            )
        except ModuleNotFoundError as error:
            raise EvidenceStoreError(
                f"{address.shown}: {error.name} is not installed; "
                f"pip install 'llmrec-pipeline[postgres]'"
            ) from None
        event.listen(engine, "begin", _queue_postgresql_writers)
        return engine
    options: dict[str, Any] = {"connect_args": {"timeout": _BUSY_S}}
    if address.is_in_memory:
        options |= {"poolclass": StaticPool}
        options["connect_args"]["check_same_thread"] = False
    engine = create_engine(address.url, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Transactions are begun by `_begin_sqlite`: sqlite3's own would begin too late to keep what was
    # read true, and would commit before a change of the schema.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_S * 1000}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _queue_postgresql_writers(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})
