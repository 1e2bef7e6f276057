"""The state of every source: what it serves, how old that is, what is used of its quota, what went
wrong last."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.serving.standing import age, origins_now
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import EditionError, current_edition
from llmrec_pipeline.storage.source_usage import quota_in_words
from llmrec_pipeline.storage.states import read_state


def source_rows(settings: Settings) -> list[dict[str, Any]]:
    """Each source's origin in the current edition, as it stands now, beside the state of its last
    pull."""
    now = datetime.now(UTC)
    edition = current_edition(settings.locations.published)
    try:
        served = edition.manifest()["sources"] if edition else {}
    except EditionError:
        served = {}
    live_hours = settings.pipeline.schedule.live_hours
    served = origins_now(served, settings.locations.states, now, live_hours)
    rows = []
    for name, source in settings.sources.items():
        state = read_state(settings.locations.states, name)
        entry = served.get(name, {})
        verified = entry.get("verified_at")
        # A pull may be valid and yet not believed: that is known only to whoever judged it.
        doubt = entry.get("doubt") if state.last_status in ("new", "unchanged") else None
        rows.append(
            {
                "source": name,
                "title": source.title,
                "enabled": source.enabled,
                "origin": entry.get("origin", "none"),
                "observed_at": entry.get("observed_at"),
                "last_verified_at": verified,
                "age": age(parse_iso(verified), now) if verified else None,
                "age_hours": _hours(parse_iso(verified), now) if verified else None,
                "rows": entry.get("rows"),
                "index_version": entry.get("index_version"),
                "quota": quota_in_words(settings, name, now),
                "last_pull": _last_pull(source.enabled, doubt, state.last_status),
                "last_attempt_at": state.last_attempt_at,
                "last_error": state.last_error or doubt,
                "failures": state.failures,
                "bad_values": state.bad_values,
                "licence": source.licence,
                "attribution": source.attribution,
            }
        )
    return rows


def _hours(since: datetime, now: datetime) -> float:
    return round(max(0.0, (now - since).total_seconds()) / 3600, 2)


def _last_pull(enabled: bool, doubt: str | None, status: str | None) -> str | None:
    if not enabled:
        return "switched off"
    return "quarantined" if doubt else status
