"""`llmrec identity review`, `accept` and `explain`: names that a person decides, and what a key
stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from llmrec_pipeline.domain.identity_config import IdentityConfig, ProposalSettings
from llmrec_pipeline.domain.model_key import parse_key
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.flags import day_of
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.cli.querying import edition_rows
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.alias_rows import append_alias
from llmrec_pipeline.storage.editions import Edition, find_edition


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decides of a name in review."""

    review_id: str
    by: str
    key: str | None = None
    why: str | None = None
    since: str | None = None
    until: str | None = None


def review(source: str | None, limit: int, doubles: bool, wanted: Format | None) -> int:
    """Print the names to decide, those most like their proposal first; or, of `doubles`, the rows
    by which a publisher says something of one model again."""
    rows = edition_rows(
        _current(),
        "SELECT review_id, source, source_model_id, model_name, reason, proposal, score, evidence "
        "FROM model_identity_review WHERE (used_id IS NOT NULL) = $doubles "
        "AND ($source IS NULL OR source = $source) "
        "ORDER BY score DESC NULLS LAST, source, source_model_id LIMIT $limit",
        {"source": source, "limit": limit, "doubles": doubles},
    )
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        columns = ["review_id", "source", "source_model_id", "proposal", "score", "evidence"]
        print_table(rows, columns)
    return OK


def accept(decision: Decision, wanted: Format | None) -> int:
    """Append the alias to config/identity.yaml and print it."""
    rows = edition_rows(
        _current(),
        "SELECT * FROM model_identity_review WHERE review_id = $review_id",
        {"review_id": decision.review_id},
    )
    if not rows:
        raise RequestError(
            f"no name in review has the id {decision.review_id!r}; see `llmrec identity review`"
        )
    row = rows[0]
    if row["used_id"] is not None:
        raise RequestError(
            f"{decision.review_id}: {row['source_model_id']!r} has a model ({row['reason']}); "
            "an alias decides nothing here"
        )
    settings = load_settings()
    alias = _alias(row, decision, settings.identity)
    path = settings.locations.config / "identity.yaml"
    append_alias(path, alias)
    if chosen(wanted) is Format.JSON:
        print_json(alias)
    else:
        decided = f"{alias['source']} {alias['source_model_id']}"
        say(f"{decided} is {alias['key']}, that row alone; written to {path}.")
    note("llmrec: it counts from the next `llmrec refresh` on")
    return OK


def _alias(row: Mapping[str, Any], decision: Decision, identity: IdentityConfig) -> dict[str, Any]:
    key = decision.key or _certain_proposal(row, identity.proposals)
    try:
        parse_key(key)
    except ValueError as error:
        raise RequestError(f"--key {error}") from None
    since, until = _bounds(row["source"], decision, identity)
    today = datetime.now(UTC).date().isoformat()
    accepted = f"accepted by {decision.by}, {today}"
    alias = {
        "source": row["source"],
        "source_model_id": row["source_model_id"],
        "since": since,
        "until": until,
        "key": key,
        "reason": f"{decision.why} ({accepted})" if decision.why else accepted,
    }
    return {field: value for field, value in alias.items() if value is not None}


def _certain_proposal(row: Mapping[str, Any], settings: ProposalSettings) -> str:
    proposal: str | None = row["proposal"]
    if proposal is None:
        raise RequestError(f"{row['review_id']}: nothing is proposed; name the model with --key")
    if (row["score"] or 0) < settings.min_accepted_score:
        raise RequestError(
            f"{row['review_id']}: {row['source_model_id']!r} is like {proposal} at {row['score']}, "
            f"under {settings.min_accepted_score}; name the model with --key"
        )
    return proposal


def _bounds(
    source: str, decision: Decision, identity: IdentityConfig
) -> tuple[date | None, date | None]:
    since, until = day_of("--since", decision.since), day_of("--until", decision.until)
    if since and until and until <= since:
        raise RequestError(f"--until {until} is not after --since {since}")
    reading = identity.sources.get(source)
    if (since or until) and (reading is None or reading.release_date != "release"):
        flag = "--since" if since else "--until"
        raise RequestError(
            f"{flag} {since or until}: {source} dates no releases, so it would never hold; "
            f"leave {flag} out"
        )
    return since, until


def explain(key: str, wanted: Format | None) -> int:
    """Print every name of a model, its variants, offerings and old keys. An old key is followed."""
    edition = _current()
    redirects = edition_rows(edition, "SELECT * FROM key_redirects ORDER BY old_key")
    followed = next((row for row in redirects if row["old_key"] == key), None)
    if followed is not None:
        note(_say_redirect(followed))
        if followed["canonical_model_key"] is None:
            return OK
    base = (followed["canonical_model_key"] if followed else key).partition(":")[0]
    names = edition_rows(
        edition,
        "SELECT source, source_model_id, model_name, canonical_model_key, offering_key, "
        "identity_method, confidence FROM model_identity_map WHERE base_model = $base ORDER BY ALL",
        {"base": base},
    )
    if not names:
        known = edition_rows(edition, "SELECT DISTINCT base_model FROM model_identity_map")
        raise unknown_name("key", key, {row["base_model"] for row in known})
    found = {
        "key": key,
        "base_model": base,
        "variants": sorted({row["canonical_model_key"] for row in names}),
        "names": names,
        "offerings": sorted({row["offering_key"] for row in names if row["offering_key"]}),
        "old_keys": [
            row for row in redirects if (row["canonical_model_key"] or "").partition(":")[0] == base
        ],
    }
    if chosen(wanted) is Format.JSON:
        print_json(found)
    else:
        _print(found)
    return OK


def _say_redirect(row: Mapping[str, Any]) -> str:
    now = row["canonical_model_key"]
    if now is None:
        return f"llmrec: {row['old_key']}: the names that meant it are left open now"
    split = (
        "" if row["agreeing"] == row["names"] else f"; {row['agreeing']} of {row['names']} names"
    )
    return f"llmrec: {row['old_key']} is called {now} now{split}"


def _print(found: Mapping[str, Any]) -> None:
    columns = ["source", "source_model_id", "canonical_model_key", "identity_method", "confidence"]
    print_table(found["names"], columns)
    say(f"Variants: {', '.join(found['variants'])}.")
    if found["offerings"]:
        say(f"Offerings: {', '.join(found['offerings'])}.")
    if found["old_keys"]:
        say(f"Old keys: {', '.join(row['old_key'] for row in found['old_keys'])}.")


def _current() -> Edition:
    return find_edition(load_settings().locations.published, None)
