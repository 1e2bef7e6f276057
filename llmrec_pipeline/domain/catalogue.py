"""What enters the catalogue: models, prices and scores, of the team's files and of the sources.

Pure: rows of the sources and the team's configuration in, entries of the evidence store out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from llmrec_pipeline.domain.consensus_config import BenchmarkUse
from llmrec_pipeline.domain.model_key import parse_key
from llmrec_pipeline.domain.team_models import ModelsConfig, PricingConfig, TeamModel

# The source of prices that the team's own file tells.
PRICING_FILE = "pricing.yaml"
_USD = "USD"
_OTHERWISE = "general"
_PER_1K = Decimal(1000)
# Categories that only say what kind of measure it is, not which part of it.
_WHOLE = frozenset({"benchmark", "index"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model; see `models_catalog`."""

    model_id: str
    provider: str
    family: str
    display_name: str
    context_window_tokens: int | None
    notes: str | None
    released_at: datetime | None
    is_deprecated: bool
    is_listed: bool


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """A price in `currency` per 1,000 tokens; see `model_pricing`."""

    model_id: str
    input_per_1k: Decimal
    output_per_1k: Decimal
    currency: str
    effective_at: datetime
    source: str
    source_url: str | None
    retrieved_at: datetime
    cached_input_per_1k: Decimal | None = None
    price_tiers: str | None = None


@dataclass(frozen=True, slots=True)
class BenchmarkEntry:
    """A score in `unit`; see `model_benchmarks`."""

    model_id: str
    benchmark_name: str
    score: Decimal
    unit: str
    task_type: str
    dataset_version: str | None
    source: str
    source_url: str
    retrieved_at: datetime


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that an ingest writes, and what it warns of."""

    models: tuple[ModelEntry, ...]
    prices: tuple[PriceEntry, ...]
    benchmarks: tuple[BenchmarkEntry, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogueRows:
    """What the sources know: rows as catalogue_models.sql, catalogue_prices.sql and
    catalogue_benchmarks.sql give them (prices in USD per 1M tokens)."""

    models: Sequence[Row]
    prices: Sequence[Row]
    benchmarks: Sequence[Row]


def catalogue(
    market: CatalogueRows,
    team: ModelsConfig,
    pricing: PricingConfig,
    uses: Sequence[BenchmarkUse],
    task_types: Sequence[str],
) -> Catalogue:
    """The team's models and the sources' together."""
    priced = {team.model_id(row.model) or row.model for row in pricing.prices}
    models, warnings = _models(market.models, team, priced)
    known = {model.model_id for model in models}
    prices = [*_team_prices(team, pricing), *map(_market_price, market.prices)]
    speaks_of = _TaskTypes(uses, task_types)
    benchmarks = [_benchmark(row, speaks_of) for row in market.benchmarks]
    return Catalogue(
        models=tuple(models),
        prices=tuple(price for price in prices if price.model_id in known),
        benchmarks=tuple(row for row in benchmarks if row.model_id in known),
        warnings=tuple(warnings),
    )


def family_of(model_id: str) -> str:
    """The line of models that a key belongs to: its words up to the first version number.
    `anthropic/claude-opus-4-5` is claude-opus, `openai/gpt-4o-mini` gpt, `openai/o3` o."""
    words: list[str] = []
    for word in parse_key(model_id).base.split("-"):
        letters = re.match(r"[^\d]*", word)
        start = letters[0] if letters else ""
        if start == word:
            words.append(word)
            continue
        if not words and start:
            words.append(start)
        break
    return "-".join(words) or parse_key(model_id).base


def _models(
    rows: Sequence[Row], team: ModelsConfig, priced: set[str]
) -> tuple[list[ModelEntry], list[str]]:
    """One entry a model, in the order of the keys, and what is not known of the team's models."""
    known = {str(row["model_id"]): row for row in rows}
    own = {model.model_id: model for model in team.models.values()}
    named = {*own, *team.model_ids, *priced}
    warnings = [_unknown(team, model_id, known) for model_id in sorted(named - set(known))]
    entries = [
        _model(model_id, known.get(model_id), own.get(model_id))
        for model_id in sorted({*known, *named})
    ]
    return entries, warnings


def _model(model_id: str, row: Row | None, own: TeamModel | None) -> ModelEntry:
    facts: Row = row or {}
    released: date | None = facts.get("release_date")
    return ModelEntry(
        model_id=model_id,
        provider=str(facts.get("provider") or parse_key(model_id).creator),
        family=(own.family if own else None) or family_of(model_id),
        display_name=(own.display_name if own else None)
        or str(facts.get("display_name") or model_id),
        context_window_tokens=facts.get("context_window_tokens"),
        notes=own.notes if own else None,
        released_at=None if released is None else _midnight(released),
        is_deprecated=bool(facts.get("is_deprecated", False)),
        is_listed=bool(facts.get("is_listed", False)),
    )


def _unknown(team: ModelsConfig, model_id: str, known: Iterable[str]) -> str:
    near = get_close_matches(model_id, list(known), n=3, cutoff=0.6)
    nearest = f"; nearest: {', '.join(near)}" if near else ""
    name = team.name_of(model_id)
    named = model_id if name == model_id else f"{name} ({model_id})"
    return f"models.yaml: no source knows {named}{nearest}"


def _team_prices(team: ModelsConfig, pricing: PricingConfig) -> Iterable[PriceEntry]:
    for row in pricing.prices:
        yield PriceEntry(
            model_id=team.model_id(row.model) or row.model,
            input_per_1k=row.input_per_1k,
            output_per_1k=row.output_per_1k,
            currency=pricing.currency,
            effective_at=_midnight(row.effective_at),
            source=PRICING_FILE,
            source_url=pricing.source_url,
            retrieved_at=_midnight(pricing.retrieved_at),
            cached_input_per_1k=row.cached_input_per_1k,
        )


def _market_price(row: Row) -> PriceEntry:
    cached = row["price_cached_input_per_1m"]
    return PriceEntry(
        model_id=row["model_id"],
        input_per_1k=_decimal(row["price_input_per_1m"]) / _PER_1K,
        output_per_1k=_decimal(row["price_output_per_1m"]) / _PER_1K,
        currency=_USD,
        effective_at=row["effective_at"],
        source=row["source"],
        source_url=row["source_url"],
        retrieved_at=row["retrieved_at"],
        cached_input_per_1k=None if cached is None else _decimal(cached) / _PER_1K,
        price_tiers=row["price_tiers"],
    )


def _benchmark(row: Row, speaks_of: _TaskTypes) -> BenchmarkEntry:
    name, category = row["benchmark_name"], row["category"]
    is_part = category is not None and category not in _WHOLE
    return BenchmarkEntry(
        model_id=row["model_id"],
        benchmark_name=f"{name}:{category}" if is_part else name,
        score=_decimal(row["score"]),
        unit=row["unit"],
        task_type=speaks_of(row["source"], name, category),
        dataset_version=row["dataset_version"],
        source=row["source"],
        source_url=row["source_url"],
        retrieved_at=row["retrieved_at"],
    )


class _TaskTypes:
    """Which task type a benchmark speaks of: as consensus.yaml says, else the one that its category
    or its name tells, else general."""

    def __init__(self, uses: Sequence[BenchmarkUse], task_types: Sequence[str]) -> None:
        self._uses = uses
        self._task_types = task_types

    def __call__(self, source: str, name: str, category: str | None) -> str:
        for use in self._uses:
            if (use.source, use.name) == (source, name) and use.category in (None, category):
                return use.task_types[0]
        words = re.split(r"[^a-z]+", f"{category or ''} {name}".lower())
        return next((word for word in words if word in self._task_types), _OTHERWISE)


def _decimal(value: float) -> Decimal:
    """The shortest decimal that is read back as the same double: what the publisher wrote."""
    return Decimal(repr(value))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
