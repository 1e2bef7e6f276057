"""One spelling of time: UTC, microseconds, sortable as text, safe in a file name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

_FORMAT = "%Y%m%dT%H%M%S.%fZ"


def stamp(moment: datetime) -> str:
    """`20261121T105301.123456Z`; raises ValueError for a naive moment."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).strftime(_FORMAT)


def parse_stamp(text: str) -> datetime:
    """The moment that `stamp` wrote; raises ValueError for anything else."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """`2026-11-21T10:53:01.123456Z`, microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """A moment as people write one: a day (its end, so that the day counts) or a day and an hour,
    UTC where no zone is named. Raises ValueError for anything else."""
    written = text.strip()
    try:
        day = date.fromisoformat(written)
    except ValueError:
        moment = datetime.fromisoformat(written)
    else:
        moment = datetime.combine(day, time.max)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def parse_iso(text: str) -> datetime:
    """An aware moment in UTC; raises ValueError for naive or malformed text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """A view of the past. `as_of`: pulls observed by then. `known_at`: landed by then, too."""

    as_of: datetime
    known_at: datetime | None = None

    @property
    def name(self) -> str:
        """How an answer cites it."""
        known = f", known at {iso(self.known_at)}" if self.known_at else ""
        return f"as of {iso(self.as_of)}{known}"
