"""The evidence store, migrated and empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[EvidenceStore]:
    """A migrated store, on either database."""
    place = Locations(data=tmp_path, config=tmp_path, offline=True)
    opened = migrating.open_as_it_is(place, {"DATABASE_URL": database_url})
    migrating.upgrade(opened)
    yield opened
    opened.close()
