"""An import under way: chunks of events that wait to be merged, and how far the log was read.

    telemetry/imports/<import>/progress.json    what is committed
                              /000001.2026-11-01.2026-11-02.parquet    a chunk, with its first and last day
                              /rejects.jsonl    problems of committed chunks
    telemetry/imports/<import>.json             what a finished import came to
    telemetry/rejects/<import>.jsonl            its problems

A chunk counts once `progress.json`, replaced in one step, says so. A process that is killed leaves
what is committed; the same import goes on behind it. What was written and not committed is written
again. Nothing here is read by anyone but imports.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.storage.files import write_json, write_parquet
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.usage_partitions import Merged
from llmrec_pipeline.storage.usage_seals import TelemetryError

_PROGRESS = "progress.json"
_REJECTS = "rejects.jsonl"
_CHUNK = re.compile(r"(\d{6,})\.(\d{4}-\d\d-\d\d)\.(\d{4}-\d\d-\d\d)\.parquet")


@dataclass
class ReadCounts:
    """What was read of a log, in records: `read` of them all, `not_calls` passed over, `refused` and
    `noted` (kept, with something left out) by field and reason."""

    read: int = 0
    not_calls: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)


@dataclass
class Progress:
    """What is committed. `merged`: by day, what its merge came to, noted before it is done, so that
    a merge that is repeated after a kill is not counted as duplicates."""

    log: str
    entry: int = 0
    offset: int = 0
    chunks: int = 0
    rejects_bytes: int = 0
    is_read: bool = False
    days: list[str] = field(default_factory=list)
    counts: ReadCounts = field(default_factory=ReadCounts)
    merged: dict[str, dict[str, int]] = field(default_factory=dict)


class Staging:
    """The folder of one import. Only under the lock of imports."""

    def __init__(self, imports: Path, rejects: Path, name: str, log: str) -> None:
        self.folder = imports / name
        self.rejects = rejects / f"{name}.jsonl"
        self._outcome = imports / f"{name}.json"
        self.progress = _read_progress(self.folder / _PROGRESS) or Progress(log)
        self._tidy()

    @property
    def is_resumed(self) -> bool:
        """Whether an import before this one was cut short."""
        return self.progress.chunks > 0 or self.progress.is_read

    def commit(
        self, events: Sequence[dict[str, Any]], rejects: Iterable[dict[str, Any]], **read: Any
    ) -> None:
        """Keep a chunk; `read` are the fields of Progress that say how far the log was read."""
        progress = self.progress
        if events:
            frame = pl.DataFrame(events, schema=polars_schema(USAGE_EVENTS))
            days = sorted({f"{moment:%Y-%m-%d}" for moment in frame["started_at"].to_list()})
            name = f"{progress.chunks + 1:06}.{days[0]}.{days[-1]}.parquet"
            write_parquet(self.folder / name, frame)
            progress.chunks += 1
            progress.days = sorted({*progress.days, *days})
        progress.rejects_bytes += self._append(rejects)
        for field_name, value in read.items():
            setattr(progress, field_name, value)
        self._save()

    def days(self) -> list[date]:
        """The days that events were staged for."""
        return [date.fromisoformat(day) for day in self.progress.days]

    def chunks(self, day: date) -> list[Path]:
        """The chunks that may hold events of a day."""
        return [
            self.folder / found[0]
            for found in self._chunk_names()
            if found[2] <= day.isoformat() <= found[3]
        ]

    def note_merge(self, day: date, merged: Merged) -> None:
        """Note what the merge of a day comes to, unless it is noted already."""
        self.progress.merged.setdefault(day.isoformat(), asdict(merged))
        self._save()

    def finish(self, outcome: dict[str, Any]) -> None:
        """Keep what the import came to and its problems, and remove the rest."""
        rejects = self.folder / _REJECTS
        if rejects.is_file():
            self.rejects.parent.mkdir(parents=True, exist_ok=True)
            rejects.replace(self.rejects)
        write_json(self._outcome, outcome)
        self._remove()

    def discard(self) -> None:
        """Forget what was staged, and begin anew."""
        self._remove()
        self.progress = Progress(self.progress.log)

    def _remove(self) -> None:
        # What is left without it, where we are killed meanwhile, is of no import.
        (self.folder / _PROGRESS).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _append(self, rejects: Iterable[dict[str, Any]]) -> int:
        lines = "".join(f"{json.dumps(line, sort_keys=True)}\n" for line in rejects).encode()
        if lines:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / _REJECTS).open("ab") as handle:
                handle.write(lines)
                handle.flush()
                os.fsync(handle.fileno())
        return len(lines)

    def _save(self) -> None:
        write_json(self.folder / _PROGRESS, asdict(self.progress))

    def _chunk_names(self) -> list[re.Match[str]]:
        names = sorted(path.name for path in self.folder.glob("*.parquet"))
        return [found for name in names if (found := _CHUNK.fullmatch(name))]

    def _tidy(self) -> None:
        """Remove what was written and not committed."""
        if not self.folder.is_dir():
            return
        for path in self.folder.glob(".*"):
            path.unlink()
        for found in self._chunk_names():
            if int(found[1]) > self.progress.chunks:
                (self.folder / found[0]).unlink()
        rejects = self.folder / _REJECTS
        if rejects.is_file():
            os.truncate(rejects, self.progress.rejects_bytes)


def _read_progress(path: Path) -> Progress | None:
    """None where there is none that can be read: the log is then read from its beginning, and what
    is known already adds nothing."""
    try:
        told = read_json(path.read_bytes())
        return Progress(**{**told, "counts": ReadCounts(**told["counts"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def cut_short(imports: Path) -> list[str]:
    """The logs of imports that began and never ended, by name."""
    found = (_read_progress(path) for path in sorted(imports.glob(f"*/{_PROGRESS}")))
    return [progress.log for progress in found if progress is not None]


def outcomes(imports: Path) -> list[dict[str, Any]]:
    """What each finished import came to; of one that was repeated, the last time. Raises
    TelemetryError for one that cannot be read."""
    return [_read_outcome(path) for path in sorted(imports.glob("*.json"))]


def _read_outcome(path: Path) -> dict[str, Any]:
    try:
        outcome = read_json(path.read_bytes())
        if isinstance(outcome, dict) and {"refused", "noted"} <= outcome.keys():
            return outcome
    except ValueError:
        pass
    raise TelemetryError(f"{path}: damaged; remove it, then import its log again")
