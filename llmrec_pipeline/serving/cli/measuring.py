"""`llmrec intel compute-runtime-stats`: what our own calls tell, into the evidence store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.domain.usage_prices import window_until
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline.storage.measuring import Measured, measure
from llmrec_pipeline.team_settings import load_team_settings

_COLUMNS = (
    "provider",
    "model",
    "role",
    "calls",
    "success_rate",
    "est_cost_usd",
    "p50_latency_s",
    "p90_latency_s",
    "p50_ttft_s",
    "p50_tokens_per_s",
    "notes",
)


def compute_runtime_stats(window_days: int, wanted: Format | None) -> int:
    """Compute and enter the figures of the last whole days, and print them."""
    settings = load_settings()
    team = load_team_settings(settings.locations).models
    window = window_until(datetime.now(UTC), window_days)
    with opened_store() as store:
        told = _told(measure(settings, team, store, lambda: _history(settings), window))
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print(told)
    for name in told["unknown_models"]:
        note(
            f"llmrec: {name['model_name']!r} of {name['provider_name'] or 'no host'} is no known "
            f"model ({name['calls']} calls): {name['reason']}; name it in config/models.yaml"
        )
    if not told["events"]:
        note(
            f"llmrec: there are no calls from {told['window_start']} to {told['window_end']}; the "
            "window ends at the last midnight (UTC), and calls of today count from tomorrow on"
        )
    return OK


@contextmanager
def _history(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The current edition's tables; raises EditionError where there is none."""
    with duckdb.connect(":memory:") as con:
        open_edition(con, find_edition(settings.locations.published, None))
        yield con


def _told(measured: Measured) -> dict[str, Any]:
    computed = measured.computed
    return {
        "window_start": iso(computed.window.start),
        "window_end": iso(computed.window.end),
        "engine": computed.engine,
        "events": computed.events,
        "calls": computed.calls,
        "quantiles": computed.quantiles,
        "rows": asdict(measured.counts),
        "stats": [_numbers(asdict(row)) for row in computed.stats],
        "unknown_models": [asdict(name) for name in computed.unknown],
    }


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()
    }


def _print(told: dict[str, Any]) -> None:
    say(
        f"{told['calls']:,} calls from {told['window_start']} to {told['window_end']}, read by "
        f"{told['engine']}; {told['rows']['new']} rows new, {told['rows']['changed']} changed."
    )
    print_table(told["stats"], _COLUMNS)
