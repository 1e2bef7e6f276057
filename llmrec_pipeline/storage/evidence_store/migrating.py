"""The schema of the evidence store, brought up to date by code: Alembic without its files.

SQLite is migrated on first use. A PostgreSQL is migrated by `llmrec db upgrade` alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.evidence_store.models import BENCHMARK_KEY, Base
from llmrec_pipeline.storage.evidence_store.opening import (
    EvidenceStore,
    EvidenceStoreError,
    store_address,
)

_FOLDER = Path(__file__).resolve().parent / "migrations"


def open_store(locations: Locations, environment: Mapping[str, str] | None = None) -> EvidenceStore:
    """The store of this environment, ready for use; raises SettingsError and EvidenceStoreError."""
    store = open_as_it_is(locations, environment)
    if store.address.is_sqlite:
        if current(store) != head():
            upgrade(store)
    elif (found := current(store)) != head():
        raise EvidenceStoreError(
            f"{store.address.shown}: its schema is {found or 'not there'}, {head()} is needed; "
            f"run `llmrec db upgrade`"
        )
    return store


def open_as_it_is(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> EvidenceStore:
    """The store with whatever schema it has; raises SettingsError and EvidenceStoreError."""
    address = store_address(locations, environment)
    if address.is_sqlite and not address.is_in_memory:
        Path(str(address.url.database)).parent.mkdir(parents=True, exist_ok=True)
    return EvidenceStore(address)


def head() -> str:
    """The newest revision that this code knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(store: EvidenceStore) -> str | None:
    """The revision that the database is at, None for an empty one; raises EvidenceStoreError."""
    with store.reading() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def upgrade(store: EvidenceStore, revision: str = "head") -> None:
    """To a revision: all of it, or nothing. Raises EvidenceStoreError."""
    with store.migrating() as connection:
        _run(command.upgrade, connection, revision)


def downgrade(store: EvidenceStore, revision: str) -> None:
    """Back to a revision; `base` is an empty database. Raises EvidenceStoreError."""
    with store.migrating() as connection:
        _run(command.downgrade, connection, revision)


def differences(store: EvidenceStore) -> list[str]:
    """How the database differs from what this code expects, a line each; raises
    EvidenceStoreError."""
    found = current(store)
    if found != head():
        return [
            f"its schema is {found or 'not there'}, {head()} is needed; run `llmrec db upgrade`"
        ]
    with store.reading() as session, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* expression-based index")
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": False, "include_object": _is_comparable}
        )
        return [_in_words(change) for change in compare_metadata(context, Base.metadata)]


def _is_comparable(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Neither database gives an index over an expression back as it was written."""
    return not (kind == "index" and name == BENCHMARK_KEY.name)


def _in_words(change: Any) -> str:
    kind, *about = change[0] if isinstance(change, list) else change
    names = [str(getattr(part, "name", part)) for part in about if part is not None]
    return " ".join([str(kind).replace("_", " "), *names])


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run(verb: Any, connection: Connection, revision: str) -> None:
    try:
        verb(_config(connection), revision)
    except CommandError as error:
        raise EvidenceStoreError(f"{revision}: {str(error).splitlines()[0]}") from None
