"""The pull log of a source: one JSON line for each valid pull, changed or not, appended when it lands.

    bronze/<source>/pulls-<month landed>.jsonl

A pull exists from the moment its line is whole. What a crash cut short, and what is no record, is
passed over; no line is ever rewritten.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.storage.files import append_line


@dataclass(frozen=True, slots=True)
class PullRecord:
    """One line of the pull log: a pull that was valid. `content_hash` is over its parsed rows, `rows`
    counts models; `bronze` is the name of its models file, None where the content was unchanged, and
    `files` has the SHA-256 of each of its bronze files by name."""

    source: str
    observed_at: datetime
    landed_at: datetime
    content_hash: str
    parser_version: str
    index_version: str | None
    rows: int
    bronze: str | None
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_line(cls, source: str, line: Mapping[str, Any]) -> Self:
        """As the log has it; raises KeyError, TypeError and ValueError for what is no record."""
        return cls(
            source,
            parse_iso(line["observed_at"]),
            parse_iso(line["landed_at"]),
            line["content_hash"],
            line["parser_version"],
            line["index_version"],
            line["rows"],
            line["bronze"],
            line.get("files", {}),
        )

    def to_line(self) -> dict[str, Any]:
        """As the log has it."""
        return {
            "observed_at": iso(self.observed_at),
            "landed_at": iso(self.landed_at),
            "content_hash": self.content_hash,
            "parser_version": self.parser_version,
            "index_version": self.index_version,
            "rows": self.rows,
            "bronze": self.bronze,
            "files": dict(self.files),
        }


class Timeline:
    """A source's pull records in order of observation."""

    def __init__(self, records: Iterable[PullRecord]) -> None:
        self._records: dict[datetime, PullRecord] = {}
        for record in records:
            # Of two records for one moment, the one that landed first stands.
            self._records.setdefault(record.observed_at, record)
        self._moments = sorted(self._records)

    def at(self, moment: datetime) -> PullRecord | None:
        """The record of that very moment."""
        return self._records.get(moment)

    def before(self, moment: datetime) -> PullRecord | None:
        """The last record before a moment."""
        index = bisect_left(self._moments, moment)
        return self._records[self._moments[index - 1]] if index else None

    def add(self, record: PullRecord) -> None:
        """Take in the record of a moment that has none."""
        self._records[record.observed_at] = record
        insort(self._moments, record.observed_at)


def log_files(folder: Path) -> list[Path]:
    """The logs in a source's folder of bronze, oldest month first."""
    return sorted(folder.glob("pulls-[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"))


def month_of(path: Path) -> datetime:
    """The beginning (UTC) of the month in which the pulls of a log landed."""
    return datetime.strptime(path.stem[-7:], "%Y-%m").replace(tzinfo=UTC)


def append_record(folder: Path, record: PullRecord) -> None:
    """Add a record to the log of the month in which its pull landed; raises OSError."""
    append_line(folder / f"pulls-{record.landed_at:%Y-%m}.jsonl", record.to_line())


def records_in(path: Path, offset: int = 0) -> Iterator[tuple[PullRecord, int]]:
    """Records of a log from a byte offset on, each with the offset behind it."""
    for line, end in read_lines(path, offset):
        try:
            yield PullRecord.of_line(path.parent.name, line), end
        except (KeyError, TypeError, ValueError):
            continue


def read_lines(path: Path, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Whole JSON lines from a byte offset on, each with the offset behind it; a line that a crash
    cut short is passed over."""
    try:
        with path.open("rb") as handle:
            handle.seek(offset)
            for line in handle:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                try:
                    content = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(content, dict):
                    yield content, offset
    except FileNotFoundError:
        return
