"""Source states: small readable files that say when each source was asked and what came of it.

Standard library only: the hot path reads them to decide whether to refresh.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.storage.files import write_json


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of one source's pulls. Moments are ISO text in UTC."""

    source: str
    last_attempt_at: str | None = None
    last_status: str | None = None  # new, unchanged, failed, invalid, skipped
    last_error: str | None = None
    failures: int = 0
    last_verified_at: str | None = None
    newest_observed_at: str | None = None
    content_hash: str | None = None
    rows: int | None = None
    bad_values: dict[str, int] | None = None
    quota: dict[str, Any] | None = None

    def failed(self, status: str, error: str, at: datetime) -> SourceState:
        """The state after a pull that gave nothing."""
        return replace(
            self,
            last_attempt_at=iso(at),
            last_status=status,
            last_error=error,
            failures=self.failures + (status != "skipped"),
        )

    def moment(self, name: str) -> datetime | None:
        value = getattr(self, name)
        return parse_iso(value) if value else None


def read_state(folder: Path, source: str) -> SourceState:
    """The source's state; a missing or damaged file is a source that was never asked."""
    try:
        content = json.loads((folder / f"{source}.json").read_text("utf-8"))
        return SourceState(**{**content, "source": source})
    except (OSError, ValueError, TypeError):
        return SourceState(source)


def write_state(folder: Path, state: SourceState) -> None:
    """Replace the source's file."""
    write_json(folder / f"{state.source}.json", asdict(state))
