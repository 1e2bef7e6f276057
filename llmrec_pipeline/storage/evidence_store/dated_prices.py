"""What models cost at their creators' own hosts, over time, as the evidence store knows it."""

from __future__ import annotations

import json
from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.usage_prices import DatedPrice, Terms, tiers_of
from llmrec_pipeline.storage.evidence_store.models import ModelPricing
from llmrec_pipeline.storage.evidence_store.subjects import in_order_of_force

_USD = "USD"
_PER_1M = 1000


def read_dated_prices(session: Session) -> dict[str, list[DatedPrice]]:
    """By model, every price in USD per 1,000,000 tokens, oldest first; a later one takes the place
    of those before it, whatever their sources. Prices in another currency are left out."""
    found: dict[str, dict[object, DatedPrice]] = defaultdict(dict)
    rows = session.scalars(select(ModelPricing).where(ModelPricing.currency == _USD))
    for row in in_order_of_force(rows):
        found[row.model_id][row.effective_at] = DatedPrice(row.effective_at, _tiers(row))
    return {model_id: list(by_moment.values()) for model_id, by_moment in found.items()}


def _tiers(row: ModelPricing) -> tuple[Terms, ...]:
    cached = row.cached_input_per_1k
    base = Terms(
        input_per_1m=row.input_per_1k * _PER_1M,
        output_per_1m=row.output_per_1k * _PER_1M,
        cached_input_per_1m=None if cached is None else cached * _PER_1M,
    )
    return tiers_of(base, json.loads(row.price_tiers or "[]"))
