"""Where the current edition stands now: an edition says what it rested on when it was published,
and a reader wants to know how old that is today. Standard library only: the hot path reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.records import PULLED_ORIGINS
from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.storage.states import read_state


def origins_now(
    sources: Mapping[str, Mapping[str, Any]], states: Path, now: datetime, live_hours: float
) -> dict[str, dict[str, Any]]:
    """The sources of an edition's manifest as they stand at `now`: `verified_at` moves with every
    pull that found the same content, and what was live when it was published is cached once it
    has not been seen for longer than the schedule allows."""
    return {
        source: {**entry, **_standing(source, entry, states, now, live_hours)}
        for source, entry in sources.items()
    }


def _standing(
    source: str, entry: Mapping[str, Any], states: Path, now: datetime, live_hours: float
) -> dict[str, str]:
    if entry["origin"] not in PULLED_ORIGINS:
        return {}
    verified: str = entry["verified_at"]
    state = read_state(states, source)
    if state.content_hash == entry["content_hash"] and state.last_verified_at:
        verified = max(verified, state.last_verified_at, key=parse_iso)
    is_live = now - parse_iso(verified) <= timedelta(hours=live_hours)
    return {"verified_at": verified, "origin": "live" if is_live else "cached"}


def age(moment: datetime | None, now: datetime | None = None) -> str | None:
    """How long ago a moment was, in words: `3 min`, `5 h`, `12 d`; of one ahead 0 min."""
    if moment is None:
        return None
    minutes = ((now or datetime.now(UTC)) - moment).total_seconds() / 60
    if minutes < 60:
        return f"{max(0, minutes):.0f} min"
    if minutes < 48 * 60:
        return f"{minutes / 60:.0f} h"
    return f"{minutes / 1440:.0f} d"
