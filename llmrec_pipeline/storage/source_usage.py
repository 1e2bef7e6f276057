"""`source_usage`: every request to a publisher, noted before it is made.

    usage/<source>-<month>.jsonl      {"source", "attempted_at", "url"}

A request that was noted and never sent counts: a quota is kept rather than used up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.files import append_line
from llmrec_pipeline.storage.pull_log import read_lines
from llmrec_pipeline.storage.states import read_state

COLUMNS = ("source", "attempted_at", "url")


class SourceUsage:
    """The log of requests below a data folder."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "usage"

    def note(self, source: str, at: datetime, url: str) -> None:
        """Note a request that is about to be made."""
        path = self._folder / f"{source}-{at:%Y-%m}.jsonl"
        append_line(path, {"source": source, "attempted_at": iso(at), "url": url})

    def attempts(self, source: str, now: datetime, window: timedelta) -> list[datetime]:
        """When the source was asked within the window before `now`, oldest first."""
        months = {f"{moment:%Y-%m}" for moment in (now - window, now)}
        moments = [
            parse_iso(row["attempted_at"])
            for month in sorted(months)
            for row in _rows(self._folder / f"{source}-{month}.jsonl")
        ]
        return sorted(moment for moment in moments if moment > now - window)

    def rows(self) -> list[dict[str, Any]]:
        """Every noted request, as written."""
        if not self._folder.is_dir():
            return []
        return [row for path in sorted(self._folder.glob("*.jsonl")) for row in _rows(path)]


def quota_in_words(settings: Settings, source: str, now: datetime) -> str | None:
    """What the publisher said last is left, else how much of what it allows we have used; None for
    a source without a quota."""
    quota = settings.sources[source].quota
    said = read_state(settings.locations.states, source).quota
    if said and said.get("remaining") is not None:
        allowed = said.get("limit") or (quota.requests if quota else "?")
        return f"{said['remaining']} of {allowed} left"
    if quota is None:
        return None
    window = timedelta(hours=quota.window_hours)
    used = len(SourceUsage(settings.locations.data).attempts(source, now, window))
    return f"{used} of {quota.requests} used"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line, _ in read_lines(path, 0):
        if all(isinstance(line.get(name), str) for name in COLUMNS):
            yield line
