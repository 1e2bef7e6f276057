"""From usage events to rows of `model_runtime_stats`, in one step for the command and the asset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import duckdb

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.domain.usage_names import UsageNames
from llmrec_pipeline.domain.usage_prices import DatedPrice, Window
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store.dated_prices import read_dated_prices
from llmrec_pipeline.storage.evidence_store.ingesting import Counts
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.runtime import enter_runtime_stats
from llmrec_pipeline.storage.usage_engines import open_usage_events
from llmrec_pipeline.storage.usage_stats import (
    Computed,
    Offering,
    compute,
    offering_prices,
    published_models,
    usage_prices,
)

OpenHistory = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was computed, and what of it was new to the store."""

    computed: Computed
    counts: Counts


def measure(
    settings: Settings,
    team: ModelsConfig,
    store: EvidenceStore,
    open_history: OpenHistory,
    window: Window,
) -> Measured:
    """Compute the figures of a window and enter them. `open_history` opens something with the view
    `models_history`, for prices of other hosts than the creators' own; only where there are calls to
    such. Raises TelemetryError, EvidenceStoreError, EditionError and SettingsError."""
    published = published_models(settings.locations.published)
    names = UsageNames(IdentityRules(settings.identity), team, published)
    with store.reading() as session:
        at_creators = read_dated_prices(session)

    def at_hosts(offerings: Sequence[Offering]) -> dict[Offering, list[DatedPrice]]:
        with open_history() as con:
            return offering_prices(con, offerings, settings.pipeline.merge.price)

    with open_usage_events(settings.locations, settings.telemetry) as engine:
        computed = compute(
            engine,
            window,
            names,
            lambda served: usage_prices(served, names, at_creators, at_hosts),
            settings.telemetry,
        )
    with store.writing() as session:
        counts = enter_runtime_stats(session, window, computed.stats)
    return Measured(computed, counts)
