"""Invented entries of the evidence store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from llmrec_pipeline.domain.catalogue import BenchmarkEntry, Catalogue, ModelEntry, PriceEntry

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def model(model_id: str, **values: Any) -> ModelEntry:
    """A listed model."""
    provider, _, base = model_id.partition("/")
    entry = ModelEntry(
        model_id=model_id,
        provider=provider,
        family=base.split("-")[0],
        display_name=base,
        context_window_tokens=100_000,
        notes=None,
        released_at=None,
        is_deprecated=False,
        is_listed=True,
    )
    return replace(entry, **values)


def price(
    model_id: str, per_1k: str, output_per_1k: str | None = None, **values: Any
) -> PriceEntry:
    """A price, the same for input and output where only one is given."""
    entry = PriceEntry(
        model_id=model_id,
        input_per_1k=Decimal(per_1k),
        output_per_1k=Decimal(output_per_1k or per_1k),
        currency="USD",
        effective_at=START,
        source="invented",
        source_url="https://example.org/prices",
        retrieved_at=START,
    )
    return replace(entry, **values)


def benchmark(model_id: str, score: str, **values: Any) -> BenchmarkEntry:
    """A score in riddles."""
    entry = BenchmarkEntry(
        model_id=model_id,
        benchmark_name="riddles",
        score=Decimal(score),
        unit="fraction",
        task_type="general",
        dataset_version=None,
        source="invented",
        source_url="https://example.org/riddles",
        retrieved_at=START,
    )
    return replace(entry, **values)


def catalogue_of(*entries: ModelEntry | PriceEntry | BenchmarkEntry) -> Catalogue:
    """These entries."""
    return Catalogue(
        models=tuple(entry for entry in entries if isinstance(entry, ModelEntry)),
        prices=tuple(entry for entry in entries if isinstance(entry, PriceEntry)),
        benchmarks=tuple(entry for entry in entries if isinstance(entry, BenchmarkEntry)),
        warnings=(),
    )
