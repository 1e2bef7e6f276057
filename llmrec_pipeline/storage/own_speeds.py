"""`own_speeds`: how fast models are in our own calls, for the merge of speeds in `models_latest`.

Filled only where telemetry.yaml lets measured speed outrank public figures, and from our own
partitions alone, which an edition's inputs tell. It is a function of them: the window ends with the
newest day that has events, whatever day it is now. Only calls to the creators' own hosts count, as
the speed in `models_latest` is theirs, and all roles together.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import duckdb
import polars as pl

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.telemetry_config import OUTRANKS
from llmrec_pipeline.domain.usage_names import UsageNames
from llmrec_pipeline.domain.usage_prices import Window
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.usage_engines import open_usage_events
from llmrec_pipeline.storage.usage_partitions import UsagePartitions
from llmrec_pipeline.storage.usage_stats import compute
from llmrec_pipeline.storage.warehouse import replace_rows

_SCHEMA = {
    "canonical_model_key": pl.String,
    "output_tokens_per_s": pl.Float64,
    "ttft_s": pl.Float64,
}


def load_own_speeds(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Fill `own_speeds` anew. Runs within the caller's transaction; raises TelemetryError."""
    replace_rows(con, "own_speeds", _speeds(settings))


def _speeds(settings: Settings) -> pl.DataFrame:
    """Median speeds of the models with enough calls at their creators' own hosts: output tokens per
    second, and seconds to the first token."""
    if settings.telemetry.measured_speed != OUTRANKS:
        return pl.DataFrame(schema=_SCHEMA)
    days = UsagePartitions(settings.locations.usage_events).files()
    if not days:
        return pl.DataFrame(schema=_SCHEMA)
    end = datetime.combine(max(days), time.min, UTC) + timedelta(days=1)
    window = Window(end - timedelta(days=settings.telemetry.window_days), end)
    names = UsageNames(IdentityRules(settings.identity))
    # No environment: events elsewhere are no inputs of an edition.
    with open_usage_events(settings.locations, settings.telemetry, {}) as engine:
        computed = compute(engine, window, names, lambda _: {}, settings.telemetry, by_role=False)
    rows = [
        (row.model, row.p50_tokens_per_s, row.p50_ttft_s)
        for row in computed.stats
        if row.calls >= settings.telemetry.measured_speed_min_calls
        and row.model not in {name.model_name for name in computed.unknown}
        and row.provider == names.own_host(row.model)
    ]
    return pl.DataFrame(
        [
            (key, *(None if value is None else float(value) for value in told))
            for key, *told in rows
        ],
        schema=_SCHEMA,
        orient="row",
    )
