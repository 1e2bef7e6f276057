"""Figures of our own calls: names asked for and resolved, prices found, and the rest done where the
events are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from llmrec_pipeline.domain.model_key import format_key, parse_key
from llmrec_pipeline.domain.runtime_stats import (
    APPROXIMATE,
    EXACT,
    RuntimeStats,
    names_in_use,
    runtime_stats,
    stats_of,
    without_roles,
)
from llmrec_pipeline.domain.telemetry_config import TelemetryConfig
from llmrec_pipeline.domain.usage_names import UsageNames
from llmrec_pipeline.domain.usage_prices import (
    DatedPrice,
    ServedName,
    Terms,
    Window,
    rates,
    tiers_of,
)
from llmrec_pipeline.storage.editions import current_edition
from llmrec_pipeline.storage.usage_engines import UsageEngine
from llmrec_pipeline.storage.warehouse import sql_text

Offering = tuple[str, str]
"""A host, and the base model or key of what it serves."""
Prices = Mapping[Offering, Sequence[DatedPrice]]
"""Of each offering, USD per 1,000,000 tokens, each price from its moment on."""


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name of a model that nobody knows, the calls under it, and why it is none."""

    provider_name: str
    model_name: str
    calls: int
    reason: str


@dataclass(frozen=True, slots=True)
class Computed:
    """The figures of a window, and what could not be told. `newest` is the start of its last call."""

    window: Window
    engine: str
    events: int
    calls: int
    newest: datetime | None
    quantiles: str
    stats: tuple[RuntimeStats, ...]
    unknown: tuple[UnknownName, ...]


def compute(
    engine: UsageEngine,
    window: Window,
    names: UsageNames,
    prices_of: Callable[[Sequence[ServedName]], Prices],
    config: TelemetryConfig,
    *,
    by_role: bool = True,
) -> Computed:
    """The figures of the events of a window, by role or of all roles as one. `prices_of` gives what
    the models cost, by provider and key. Raises TelemetryError."""
    events = engine.events(window) if by_role else without_roles(engine.events(window))
    in_use = engine.rows(names_in_use(events))
    served = {
        (row["provider_name"], row["model_name"]): names.served(
            row["provider_name"], row["model_name"]
        )
        for row in in_use
    }
    told = sum(row["events"] for row in in_use)
    approximate = engine.can_approximate and told > config.exact_up_to_events
    quantiles = APPROXIMATE if approximate else EXACT
    known = list(served.values())
    found = (
        engine.rows(
            runtime_stats(
                events,
                engine.rates(rates(known, prices_of(known), window), events),
                approximate=approximate,
            )
        )
        if known
        else []
    )
    stats = (
        stats_of(row, confidence=config.success_confidence, quantiles=quantiles) for row in found
    )
    return Computed(
        window=window,
        engine=engine.name,
        events=told,
        calls=sum(row["calls"] for row in in_use),
        newest=max((_aware(row["newest"]) for row in in_use), default=None),
        quantiles=quantiles,
        stats=tuple(sorted(stats, key=lambda row: (row.provider, row.model, row.role))),
        unknown=_unknown(
            names,
            ((served[row["provider_name"], row["model_name"]], row["calls"]) for row in in_use),
        ),
    )


def _aware(moment: datetime) -> datetime:
    """An engine without time zones tells UTC."""
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _unknown(names: UsageNames, calls: Iterable[tuple[ServedName, int]]) -> tuple[UnknownName, ...]:
    """The names of models that nobody knows, most calls first."""
    found = [
        UnknownName(name.provider_name, name.model_name, count, reason)
        for name, count in calls
        if (reason := names.doubt(name))
    ]
    return tuple(sorted(found, key=lambda one: (-one.calls, one.provider_name, one.model_name)))


def published_models(published: Path) -> frozenset[str]:
    """The base models of the current edition; none without one. Raises EditionError."""
    edition = current_edition(published)
    if edition is None:
        return frozenset()
    models = pl.read_parquet(edition.table("models_latest"), columns=["base_model"])
    return frozenset(models["base_model"].drop_nulls())


def usage_prices(
    served: Sequence[ServedName],
    names: UsageNames,
    at_creators: Mapping[str, Sequence[DatedPrice]],
    at_hosts: Callable[[Sequence[Offering]], Prices],
) -> dict[Offering, Sequence[DatedPrice]]:
    """What the models cost where they were called, by provider and key: at their creator's own host
    as `at_creators` says by key, else as `at_hosts` says of base models at hosts. A variant costs
    what its base model costs."""
    known = {(name.provider, name.model) for name in served if name.is_known}
    own = {(host, key) for host, key in known if host == names.own_host(key)}
    elsewhere = {offering: (offering[0], _base(offering[1])) for offering in known - own}
    told = at_hosts(sorted(set(elsewhere.values()))) if elsewhere else {}
    return {
        **{
            (host, key): at_creators.get(key) or at_creators.get(_base(key), ())
            for host, key in own
        },
        **{offering: told.get(of_base, ()) for offering, of_base in elsewhere.items()},
    }


def _base(key: str) -> str:
    parts = parse_key(key)
    return format_key(parts.creator, parts.base, parts.release)


def offering_prices(
    con: duckdb.DuckDBPyConnection, offerings: Sequence[Offering], sources: Sequence[str]
) -> dict[Offering, list[DatedPrice]]:
    """Prices over time of (host, base model) pairs, USD per 1,000,000 tokens, from the view
    `models_history`; of several sources the first in the order of `sources` counts."""
    rows = con.execute(
        sql_text("offering_price_changes"),
        {
            "hosts": [host for host, _ in offerings],
            "models": [base for _, base in offerings],
            "sources": list(sources),
        },
    ).fetchall()
    found: dict[Offering, list[DatedPrice]] = {}
    for base_model, host, since, input_price, output_price, cached_price, tiers in rows:
        base = Terms(
            input_per_1m=Decimal(repr(input_price)),
            output_per_1m=Decimal(repr(output_price)),
            cached_input_per_1m=None if cached_price is None else Decimal(repr(cached_price)),
        )
        terms = tiers_of(base, json.loads(tiers or "[]"))
        found.setdefault((host, base_model), []).append(DatedPrice(since, terms))
    return found
