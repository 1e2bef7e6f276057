"""Source states: small readable files that say when each source was asked and what came of it.

Standard library only: the hot path reads them to decide whether to refresh. A state tells about
pulls and decides nothing about them: the pull log can stand in for a damaged one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.storage.files import write_json


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of one source's pulls. Moments are ISO text in UTC."""

    source: str
    last_attempt_at: str | None = None
    last_status: str | None = None  # new, unchanged, pulled, failed, invalid, skipped
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
        """A field of the state as a moment."""
        value = getattr(self, name)
        return parse_iso(value) if value else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_iso(value) is not None
    except ValueError:
        return False


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


_ACCEPTS: Mapping[str, Callable[[object], bool]] = {
    "last_attempt_at": _is_moment,
    "last_status": _is_text,
    "last_error": _is_text,
    "failures": _is_count,
    "last_verified_at": _is_moment,
    "newest_observed_at": _is_moment,
    "content_hash": _is_text,
    "rows": _is_count,
    "bad_values": _is_mapping,
    "quota": _is_mapping,
}


def read_state(folder: Path, source: str) -> SourceState:
    """The source's state. A missing or damaged file is a source that was never asked, a value that
    cannot be one is left out."""
    try:
        content = read_json((folder / f"{source}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return SourceState(source)
    if not isinstance(content, dict):
        return SourceState(source)
    known = {
        name: value
        for name, value in content.items()
        if (accepts := _ACCEPTS.get(name)) is not None and accepts(value)
    }
    return SourceState(source, **known)


def write_state(folder: Path, state: SourceState) -> None:
    """Replace the source's file."""
    write_json(folder / f"{state.source}.json", asdict(state))
