"""The moment that the name of a file or folder tells: when its content was observed. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from llmrec_pipeline.domain.timestamps import parse_iso

# A day, alone or with a time; a name cannot hold a colon everywhere, so `-`, `_` or nothing does.
_MOMENT = re.compile(
    r"""
    (?<!\d)
    (?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)
    (?P<time>
        [Tt](?P<hour>\d\d)[:_-]?(?P<minute>\d\d)
        (?:[:_-]?(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?+)?+
        (?:[Zz]|(?![\d+]))
    )?+
    (?!\d|[Tt]\d)
    """,
    re.VERBOSE,
)


def moment_in_name(name: str) -> datetime | None:
    """The one moment in a name, in UTC: `YYYY-MM-DD` is its midnight, `2026-03-01T06:00:00Z` and
    `20260301T060000Z` are what they say, also with `-` or `_` for the colon. None where there is
    no moment, or more than one; raises ValueError for one that no calendar has."""
    found = [match for match in _MOMENT.finditer(name) if match["dash"] or match["time"]]
    return _moment(found[0]) if len(found) == 1 else None


def stated_moment(text: str) -> datetime:
    """A moment that somebody states: any of the forms of a name, or ISO 8601 with its offset.
    Raises ValueError for anything else."""
    match = _MOMENT.fullmatch(text.strip())
    return _moment(match) if match else parse_iso(text.strip())


def _moment(match: re.Match[str]) -> datetime:
    parts = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(match[part] or 0) for part in parts)
    microsecond = int((match["fraction"] or "").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
