"""Catalogue, prices and benchmarks into the evidence store: by natural key, and only what changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb
from sqlalchemy import select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.catalogue import (
    BenchmarkEntry,
    Catalogue,
    CatalogueRows,
    ModelEntry,
    PriceEntry,
)
from llmrec_pipeline.storage.evidence_store.models import CatalogModel, ModelBenchmark, ModelPricing
from llmrec_pipeline.storage.warehouse import named_rows, sql_text

_PRICED = ("input_per_1k", "output_per_1k", "cached_input_per_1k", "price_tiers", "currency")
_SCORED = ("score", "unit", "task_type", "source")


@dataclass(frozen=True, slots=True)
class Counts:
    """Entries told, rows that are new, and rows that changed."""

    told: int
    new: int
    changed: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did."""

    models: Counts
    prices: Counts
    benchmarks: Counts


def read_market(con: duckdb.DuckDBPyConnection) -> CatalogueRows:
    """What the sources know, from the tables of an edition."""
    return CatalogueRows(
        *(_rows(con, f"catalogue_{part}") for part in ("models", "prices", "benchmarks"))
    )


def _rows(con: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    return named_rows(con.sql(sql_text(name)))


def ingest(session: Session, catalogue: Catalogue, now: datetime) -> Ingested:
    """Write what is new or different; the same catalogue again changes nothing."""
    models = ingest_models(session, catalogue.models, now)
    session.flush()  # prices and benchmarks refer to the models
    return Ingested(
        models,
        ingest_prices(session, catalogue.prices),
        ingest_benchmarks(session, catalogue.benchmarks),
    )


def ingest_models(session: Session, entries: Iterable[ModelEntry], now: datetime) -> Counts:
    """Models by their key; `updated_at` moves when something about one does."""
    known = {row.model_id: row for row in session.scalars(select(CatalogModel))}
    counts = Counting()
    for entry in entries:
        row = known.get(entry.model_id)
        if row is None:
            session.add(CatalogModel(**asdict(entry), created_at=now, updated_at=now))
            counts.new += 1
        elif update(row, asdict(entry)):
            row.updated_at = now
            counts.changed += 1
        counts.told += 1
    return counts.result()


def ingest_prices(session: Session, entries: Iterable[PriceEntry]) -> Counts:
    """A new row only where a price differs from the one before it by the same source."""
    histories: dict[tuple[str, str], dict[datetime, ModelPricing]] = {}
    for row in session.scalars(select(ModelPricing).order_by(ModelPricing.effective_at)):
        histories.setdefault((row.model_id, row.source), {})[row.effective_at] = row
    counts = Counting()
    for entry in sorted(entries, key=lambda entry: entry.effective_at):
        history = histories.setdefault((entry.model_id, entry.source), {})
        counts.told += 1
        if entry.effective_at in history:
            corrected = {name: getattr(entry, name) for name in _PRICED}
            counts.changed += update(history[entry.effective_at], corrected)
            continue
        before = max((at for at in history if at < entry.effective_at), default=None)
        if before is not None and _costs_the_same(history[before], entry):
            continue
        history[entry.effective_at] = ModelPricing(**asdict(entry))
        session.add(history[entry.effective_at])
        counts.new += 1
    return counts.result()


def _costs_the_same(row: ModelPricing, entry: PriceEntry) -> bool:
    return all(getattr(row, name) == getattr(entry, name) for name in _PRICED)


def ingest_benchmarks(session: Session, entries: Iterable[BenchmarkEntry]) -> Counts:
    """Scores by model, benchmark, version and address."""
    known = {_benchmark_key(row): row for row in session.scalars(select(ModelBenchmark))}
    counts = Counting()
    for entry in entries:
        row = known.get(_benchmark_key(entry))
        counts.told += 1
        if row is None:
            row = known[_benchmark_key(entry)] = ModelBenchmark(**asdict(entry))
            session.add(row)
            counts.new += 1
        elif update(row, {name: getattr(entry, name) for name in _SCORED}):
            row.retrieved_at = entry.retrieved_at
            counts.changed += 1
    return counts.result()


def find_benchmark(session: Session, entry: BenchmarkEntry) -> ModelBenchmark | None:
    """The row that an entry would correct."""
    rows = session.scalars(select(ModelBenchmark).where(ModelBenchmark.model_id == entry.model_id))
    return next((row for row in rows if _benchmark_key(row) == _benchmark_key(entry)), None)


def _benchmark_key(row: ModelBenchmark | BenchmarkEntry) -> Hashable:
    return row.model_id, row.benchmark_name, row.dataset_version or "", row.source_url


@dataclass(slots=True)
class Counting:
    """Counts that grow."""

    told: int = 0
    new: int = 0
    changed: int = 0

    def result(self) -> Counts:
        """As they are now."""
        return Counts(self.told, self.new, self.changed)


def update(row: Any, values: Mapping[str, Any]) -> bool:
    """Set what differs; whether anything did."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)
