"""What every log is to an import: entries in order, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from llmrec_pipeline.domain.usage_paths import Record


class UsageLogError(Exception):
    """A log that cannot be read as asked. One line that says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a log has been read: so many entries, to that byte (of the text, where a file is
    compressed), 0 where a log has no bytes to return to."""

    entry: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line, row or document: the records in it, or what is wrong with all of it. `place` is behind
    it; `done` is what the log has read of its `size`."""

    place: Place
    done: int
    records: list[Record] = field(default_factory=list)
    problem: str | None = None


class Log(Protocol):
    """A log. `name` is how it is shown; `fingerprint` is the same for the same content, and None for
    a log that goes on growing and has no place to return to. `size` is in the unit of `Entry.done`."""

    name: str
    size: int | None

    @property
    def fingerprint(self) -> str | None:
        """Of the content."""
        ...

    def read(self, after: Place, /) -> Iterator[Entry]:
        """Entries behind a place; raises UsageLogError."""
        ...
