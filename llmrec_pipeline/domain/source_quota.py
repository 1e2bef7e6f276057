"""Whether one more request stays within what a publisher allows.

The publisher's own count, told in its rate headers, wins over ours while it is valid: other
machines may use the same key, and some requests count nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from llmrec_pipeline.domain.timestamps import iso, parse_iso

# Smaller numbers are seconds to wait, larger ones seconds since 1970.
_FIRST_EPOCH = 1_000_000_000


def over_quota(
    allowed: int,
    window: timedelta,
    attempts: Sequence[datetime],
    told: Mapping[str, Any] | None,
    now: datetime,
) -> str | None:
    """Why one more request would exceed the quota, None where it does not.

    `attempts` are our own requests, oldest first; `told` is what the publisher's headers said last:
    `remaining`, `limit`, `reset` (seconds since 1970, seconds from then, or ISO), `seen_at` (ISO).
    """
    if told is not None and (until := _valid_until(told, window)) is not None and now < until:
        if told["remaining"] > 0:
            return None
        return f"its publisher counts no request left until {iso(until)}"
    recent = [moment for moment in attempts if moment > now - window]
    if len(recent) < allowed:
        return None
    free = recent[len(recent) - allowed] + window
    hours = window.total_seconds() / 3600
    return f"all {allowed} requests of {hours:g} h are used; the next is free at {iso(free)}"


def _valid_until(told: Mapping[str, Any], window: timedelta) -> datetime | None:
    """Until when the publisher's count holds: its own reset, at most a window after it was told."""
    if not isinstance(told.get("remaining"), int) or not told.get("seen_at"):
        return None
    seen_at = parse_iso(told["seen_at"])
    reset = _moment(told.get("reset"), seen_at)
    return seen_at + window if reset is None else min(reset, seen_at + window)


def _moment(text: object, seen_at: datetime) -> datetime | None:
    try:
        seconds = float(str(text))
    except ValueError:
        pass
    else:
        try:
            if seconds >= _FIRST_EPOCH:
                return datetime.fromtimestamp(seconds, UTC)
            return seen_at + timedelta(seconds=max(0.0, seconds))
        except (ValueError, OverflowError, OSError):
            return None
    try:
        return parse_iso(str(text))
    except ValueError:
        return None
