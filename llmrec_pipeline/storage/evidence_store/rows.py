"""A row by the id that somebody typed, whatever number that is."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.orm import Session

from llmrec_pipeline.storage.evidence_store.models import Base

_Row = TypeVar("_Row", bound=Base)

# Ids are INTEGER on PostgreSQL, which refuses to look for a longer one.
_LARGEST_ID = 2**31 - 1


def row_of(session: Session, table: type[_Row], row_id: int) -> _Row | None:
    """The row, None where no row has the id."""
    return session.get(table, row_id) if 0 < row_id <= _LARGEST_ID else None
