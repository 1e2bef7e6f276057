"""Fixtures that every tier shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from sqlalchemy import URL

from llmrec_pipeline_tests.hook import Hook, listening
from llmrec_pipeline_tests.publishers import Facts, Publishers
from llmrec_pipeline_tests.storage.evidence_databases import (
    DATABASES,
    empty_database,
    postgresql_server,
)

# How long an example takes on a busy machine proves nothing.
settings.register_profile("without_deadline", parent=settings.default, deadline=None)
settings.load_profile("without_deadline")


@pytest.fixture
def publishers() -> Iterator[Publishers]:
    """The publishers on a loopback port, telling invented facts on pages of 25."""
    with Publishers(Facts.invented(), page_size=25) as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Hook]:
    """The receiver of a webhook."""
    with listening() as server:
        yield server


@pytest.fixture
def recordings() -> Path:
    """The folder of recorded responses; the test is skipped where there is none."""
    folder = os.environ.get("LLMREC_RECORDINGS")
    if not folder:
        pytest.skip("LLMREC_RECORDINGS is not set; it names the folder of recorded responses")
    return Path(folder).resolve(strict=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[URL]:
    """A PostgreSQL server, one a session. As root it runs as another user, who may not enter
    pytest's own folder: every new session on the machine closes that again."""
    with (
        TemporaryDirectory(prefix="llmrec-", ignore_cleanup_errors=True) as folder,
        postgresql_server(Path(folder)) as url,
    ):
        yield url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: SQLite once, PostgreSQL once."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'evidence.sqlite3'}"
        return
    with empty_database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql: URL) -> Iterator[str]:
    """The URL of an empty database on the PostgreSQL server."""
    with empty_database(postgresql) as url:
        yield url
