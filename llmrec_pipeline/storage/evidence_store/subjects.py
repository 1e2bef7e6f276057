"""What the evidence store knows of each model now, in the shape that advice is given on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice_evidence import (
    Price,
    RoleVolume,
    Runtime,
    Score,
    Sentiment,
    Subject,
)
from llmrec_pipeline.domain.catalogue import PRICING_FILE
from llmrec_pipeline.domain.model_key import parse_key
from llmrec_pipeline.storage.evidence_store.models import (
    CatalogModel,
    ModelBenchmark,
    ModelPricing,
    ModelRuntimeStats,
    ModelSentimentSignal,
)

_Row = TypeVar("_Row", ModelBenchmark, ModelSentimentSignal)


def read_subjects(
    session: Session, now: datetime, key_of: Callable[[str], str | None]
) -> dict[str, Subject]:
    """Every model of the catalogue by its key. `key_of` gives the key of a name that calls were
    made under, None where it knows none."""
    prices = _prices(session, now)
    scores = _by_model(session.scalars(select(ModelBenchmark)))
    calls = _newest_windows(session, key_of)
    sentiment = _sentiment(session)
    return {
        row.model_id: Subject(
            model_id=row.model_id,
            provider=row.provider,
            family=row.family,
            variant=parse_key(row.model_id).variant,
            is_deprecated=row.is_deprecated,
            is_listed=row.is_listed,
            price=prices.get(row.model_id),
            scores=tuple(map(score_of, scores.get(row.model_id, ()))),
            runtime=tuple(filter(None, map(runtime_of, calls.get(row.model_id, ())))),
            volumes=tuple(map(_volume_of, calls.get(row.model_id, ()))),
            sentiment=sentiment.get(row.model_id, Sentiment()),
        )
        for row in session.scalars(select(CatalogModel))
    }


def price_in_force(session: Session, model_id: str, now: datetime) -> Price | None:
    """What a model costs at a moment; None where no price is in force."""
    return _prices(session, now, ModelPricing.model_id == model_id).get(model_id)


def _prices(session: Session, now: datetime, *conditions: ColumnElement[bool]) -> dict[str, Price]:
    """The price in force: the newest that is in effect; of several of one moment the team's own."""
    query = select(ModelPricing).where(ModelPricing.effective_at <= now, *conditions)
    return {row.model_id: price_of(row) for row in in_order_of_force(session.scalars(query))}


def in_order_of_force(rows: Iterable[ModelPricing]) -> list[ModelPricing]:
    """Prices so that each takes the place of those of its model before it."""
    return sorted(rows, key=lambda r: (r.effective_at, r.source == PRICING_FILE, r.source))


def price_of(row: ModelPricing) -> Price:
    """A row of model_pricing."""
    return Price(
        row=row.id,
        input_per_1k=row.input_per_1k,
        output_per_1k=row.output_per_1k,
        cached_input_per_1k=row.cached_input_per_1k,
        currency=row.currency,
        effective_at=row.effective_at,
        source=row.source,
    )


def score_of(row: ModelBenchmark) -> Score:
    """A row of model_benchmarks."""
    return Score(
        row=row.id,
        benchmark=row.benchmark_name,
        version=row.dataset_version,
        source=row.source,
        unit=row.unit,
        value=row.score,
        retrieved_at=row.retrieved_at,
    )


def _newest_windows(
    session: Session, key_of: Callable[[str], str | None]
) -> dict[str, list[ModelRuntimeStats]]:
    """Each model's newest window; of windows that end together the longest."""
    windows: dict[str, list[ModelRuntimeStats]] = defaultdict(list)
    for row in session.scalars(select(ModelRuntimeStats)):
        windows[key_of(row.model) or row.model].append(row)
    found: dict[str, list[ModelRuntimeStats]] = {}
    for model_id, rows in windows.items():
        end = max(row.window_end for row in rows)
        start = min(row.window_start for row in rows if row.window_end == end)
        newest = (row for row in rows if (row.window_start, row.window_end) == (start, end))
        found[model_id] = sorted(newest, key=lambda row: row.id)
    return found


def _volume_of(row: ModelRuntimeStats) -> RoleVolume:
    return RoleVolume(
        window_start=row.window_start,
        window_end=row.window_end,
        role=row.role,
        calls=row.calls,
        total_tokens=row.total_tokens,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cached_prompt_tokens=row.cached_prompt_tokens,
    )


def runtime_of(row: ModelRuntimeStats) -> Runtime | None:
    """A row of model_runtime_stats, None where nothing is known of the calls' success."""
    if row.success_rate is None:
        return None
    return Runtime(
        row=row.id,
        role=row.role,
        calls=row.calls,
        success_rate=row.success_rate,
        success_low=row.success_low,
        success_high=row.success_high,
        cost_usd=_cost_of(row),
    )


def _cost_of(row: ModelRuntimeStats) -> Decimal | None:
    """Of all calls of the row. Where some have no known cost, a successful call is taken to cost
    what one with a known cost does."""
    if not (row.unpriced_calls or row.unmetered_calls):
        return row.est_cost_usd
    if row.cost_per_successful_call_usd is None or row.success_rate is None:
        return None
    return row.cost_per_successful_call_usd * row.success_rate * row.calls


def _sentiment(session: Session) -> dict[str, Sentiment]:
    signals = _by_model(session.scalars(select(ModelSentimentSignal)))
    return {model_id: sentiment_of(rows) for model_id, rows in signals.items()}


def sentiment_of(rows: Sequence[ModelSentimentSignal]) -> Sentiment:
    """Rows of model_sentiment_signals, counted."""
    heard = [row.sentiment for row in rows]
    return Sentiment(
        rows=tuple(sorted(row.id for row in rows)),
        positive=heard.count("positive"),
        neutral=heard.count("neutral"),
        mixed=heard.count("mixed"),
        negative=heard.count("negative"),
    )


def _by_model(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    """The rows of each model, in the order in which they were entered."""
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        found[row.model_id].append(row)
    return found
