"""`llmrec models`, `sources`, `editions`: what an edition holds and what it rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from llmrec_pipeline.domain.task_profile import unknown_name
from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.at_time import Asked, payload_of
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import (
    Format,
    age,
    chosen,
    note,
    print_json,
    print_table,
    say,
)
from llmrec_pipeline.serving.standing import origins_now
from llmrec_pipeline.settings import Settings, SourceSettings, load_settings
from llmrec_pipeline.storage.editions import (
    EditionError,
    current_edition,
    list_editions,
)
from llmrec_pipeline.storage.states import read_state
from llmrec_pipeline.storage.usage import SourceUsage


def models(
    search: str | None,
    provider: str | None,
    everything: bool,
    asked: Asked,
    wanted: Format | None,
) -> int:
    """Print the models that match."""
    payload = payload_of(asked)
    creator = _creator(payload, provider) if provider is not None else None
    if search is not None and (key := payload.get("key_redirects", {}).get(search)) is not None:
        note(f"llmrec: {search} is called {key} now")
        search = key
    found = [
        model
        for model in payload["models"]
        if (everything or model["listed"])
        and _matches(model, search)
        and (creator is None or model["provider"] == creator)
    ]
    if chosen(wanted) is Format.JSON:
        print_json(found)
        return OK
    print_table(
        [_model_row(model) for model in found],
        ["key", "name", "$/1M in", "$/1M out", "context", "tokens/s", "measures", "listed"],
    )
    say(f"{len(found)} of {len(payload['models'])} models, edition {payload['edition']}.")
    return OK


def _matches(model: dict[str, Any], search: str | None) -> bool:
    if search is None:
        return True
    text = f"{model['canonical_model_key']} {model['model_name']}".casefold()
    return search.casefold() in text


def _creator(payload: dict[str, Any], name: str) -> str:
    """The creator's id; raises RequestError for a name that neither config nor a model has."""
    aliases = payload["provider_aliases"]
    known = {model["provider"] for model in payload["models"]}
    folded = name.casefold()
    if folded not in aliases and folded not in known:
        raise unknown_name("provider", name, known | set(aliases))
    return str(aliases.get(folded, folded))


def _model_row(model: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = next((o for o in model["offerings"] if o["is_creator_host"]), {})
    publishers = sorted({source for by in model["measures"].values() for source in by})
    return {
        "key": model["canonical_model_key"],
        "name": model["model_name"],
        "$/1M in": own.get("price_input_per_1m"),
        "$/1M out": own.get("price_output_per_1m"),
        "context": own.get("context_window"),
        "tokens/s": own.get("output_tokens_per_s"),
        "measures": ", ".join(publishers),
        "listed": model["listed"],
    }


def sources(wanted: Format | None) -> int:
    """Print one row a source."""
    rows = source_rows(load_settings())
    if chosen(wanted) is Format.JSON:
        print_json(rows)
        return OK
    print_table(
        rows,
        [
            "source",
            "origin",
            "observed_at",
            "age",
            "rows",
            "quota",
            "last_pull",
            "last_error",
            "licence",
        ],
    )
    for row in rows:
        say(row["attribution"])
    return OK


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
                "quota": _quota(_used(settings, name, now), source, state.quota),
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


def _quota(used: int, source: SourceSettings, seen: dict[str, Any] | None) -> str | None:
    """What the publisher said last is left, else how much of what it allows we have used."""
    allowed = source.quota.requests if source.quota else None
    if seen and seen.get("remaining") is not None:
        return f"{seen['remaining']} of {seen.get('limit') or allowed or '?'} left"
    return f"{used} of {allowed} used" if allowed else None


def _used(settings: Settings, name: str, now: datetime) -> int:
    """Requests to the source within the window of its quota."""
    quota = settings.sources[name].quota
    if quota is None:
        return 0
    window = timedelta(hours=quota.window_hours)
    return len(SourceUsage(settings.locations.data).attempts(name, now, window))


def editions(wanted: Format | None) -> int:
    """Print the editions, newest first."""
    published = read_locations().published
    current = current_edition(published)
    rows: list[dict[str, Any]] = []
    for edition in list_editions(published):
        try:
            manifest = edition.manifest()
        except EditionError as error:
            rows.append({"edition": edition.name, "problem": str(error)})
            continue
        rows.append(
            {
                "edition": edition.name,
                "current": current is not None and edition.name == current.name,
                "published_at": manifest["published_at"],
                "snapshot_ts": manifest["snapshot_ts"],
                "models": manifest["tables"]["models_latest"]["rows"],
                "origins": ", ".join(
                    f"{source} {entry['origin']}" for source, entry in manifest["sources"].items()
                ),
                "content_digest": manifest["content_digest"],
            }
        )
    if chosen(wanted) is Format.JSON:
        print_json(rows)
        return OK
    print_table(rows, ["edition", "current", "published_at", "snapshot_ts", "models", "origins"])
    return OK
