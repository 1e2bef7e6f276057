"""`llmrec diff A B`: what changed in the market between two editions or two moments."""

from __future__ import annotations

from collections import Counter
from typing import Any

from llmrec_pipeline.domain.market import KINDS, market_changes
from llmrec_pipeline.domain.timestamps import parse_moment
from llmrec_pipeline.serving.at_time import Asked, payload_of
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table, say


def diff(before: str, after: str, known_at: str | None, wanted: Format | None) -> int:
    """Print every change from one edition or moment to another."""
    old, new = (payload_of(_asked(name, known_at)) for name in (before, after))
    changes = [change._asdict() for change in market_changes(old, new)]
    counts = Counter(change["change"] for change in changes)
    if chosen(wanted) is Format.JSON:
        print_json(
            {
                "before": _about(old),
                "after": _about(new),
                "counts": {kind: counts[kind] for kind in KINDS},
                "changes": changes,
            }
        )
        return OK
    say(f"From {old['edition']} to {new['edition']}")
    say(", ".join(f"{kind} {counts[kind]}" for kind in KINDS if counts[kind]) or "nothing changed")
    if changes:
        say()
        print_table(
            changes, ["change", "subject", "field", "before", "after", "relative", "detail"]
        )
    return OK


def _asked(name: str, known_at: str | None) -> Asked:
    """A time where the text is one, else an edition."""
    try:
        parse_moment(name)
    except ValueError:
        return Asked(edition=name)
    return Asked(as_of=name, known_at=known_at)


def _about(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: payload[name] for name in ("edition", "snapshot_ts")}
