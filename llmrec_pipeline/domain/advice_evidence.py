"""What is known of a model when advice is given, as it is stored with the advice.

In: values of the evidence store. Out: frozen models, and the digest that tells them apart.
Each value carries the id of the row of the evidence store that it was read from, so that a
recommendation can name its rows, keep a copy of them, and be computed again from the copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Frozen):
    """A price in force, in `currency` per 1,000 tokens."""

    row: int
    input_per_1k: Decimal
    output_per_1k: Decimal
    cached_input_per_1k: Decimal | None = None
    currency: str
    effective_at: datetime
    source: str

    @property
    def cached_per_1k(self) -> Decimal:
        """What cached input costs: its own price where it has one, else the input price."""
        cached = self.cached_input_per_1k
        return self.input_per_1k if cached is None else cached


class Score(_Frozen):
    """What a model scored in one version of a benchmark, in `unit`; more is better."""

    row: int
    benchmark: str
    version: str | None
    source: str
    unit: str
    value: Decimal
    retrieved_at: datetime


class Runtime(_Frozen):
    """Our own calls to a model in one role. The success rate is a fraction; its interval is kept
    where it was stored."""

    row: int
    role: str
    calls: int
    success_rate: Decimal
    success_low: Decimal | None = None
    success_high: Decimal | None = None
    cost_usd: Decimal | None = None


class RoleVolume(_Frozen):
    """How many calls of ours a model had in one role, and their tokens, over whole days."""

    window_start: datetime
    window_end: datetime
    role: str
    calls: int
    total_tokens: int
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_prompt_tokens: int | None = None


class Sentiment(_Frozen):
    """How many texts about a model sound how."""

    rows: tuple[int, ...] = ()
    positive: int = 0
    neutral: int = 0
    mixed: int = 0
    negative: int = 0

    @property
    def n(self) -> int:
        """How many texts in all."""
        return self.positive + self.neutral + self.mixed + self.negative


class Quality(_Frozen):
    """Where the consensus puts a model at a task type, in standard deviations."""

    score: float
    low: float
    high: float


class Subject(_Frozen):
    """A model with everything that is known of it."""

    model_id: str
    provider: str
    family: str
    variant: str | None = None
    is_deprecated: bool = False
    is_listed: bool = True
    price: Price | None = None
    scores: tuple[Score, ...] = ()
    runtime: tuple[Runtime, ...] = ()
    volumes: tuple[RoleVolume, ...] = ()
    sentiment: Sentiment = Sentiment()
    quality: Quality | None = None

    def rows(self) -> dict[str, list[int]]:
        """Ids of the rows behind it, by kind."""
        return {
            "pricing": [self.price.row] if self.price else [],
            "benchmarks": sorted(score.row for score in self.scores),
            "runtime": sorted(stats.row for stats in self.runtime),
            "sentiment": sorted(self.sentiment.rows),
        }

    def sources(self) -> set[str]:
        """Who told its price and its scores."""
        told = {score.source for score in self.scores}
        return told | {self.price.source} if self.price else told


def evidence_digest(subjects: Sequence[Subject], config_hash: str) -> str:
    """Hash of the values that advice rests on, without the ids of their rows. The consensus moves a
    little with every edition and decides nothing, so it is left out; so do the volumes, which only
    tell the spend."""
    told = [subject.model_dump(mode="json", exclude={"quality", "volumes"}) for subject in subjects]
    text = json.dumps([_without_rows(told), config_hash], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_rows(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_rows(v) for k, v in value.items() if k not in ("row", "rows")}
    if isinstance(value, list):
        return [_without_rows(item) for item in value]
    return value
