"""The tables of the evidence store, typed.

`model_id` is a canonical model key everywhere. Prices are USD per 1,000 tokens (or `currency`) at
the creator's own host, moments are UTC, decimals are exact. Rows are never deleted by the pipeline.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from llmrec_pipeline.domain.decisions import STATUSES
from llmrec_pipeline.domain.sentiment import REVIEW_STATUSES, SENTIMENTS
from llmrec_pipeline.storage.evidence_store.column_types import (
    JSON_DOCUMENT,
    ExactDecimal,
    UtcDateTime,
)

# Constraints have names, so that a migration can speak of them on either database.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# A busy team spends more tokens in a month than 32 bits count.
Tokens = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    """All tables of the store."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        Decimal: ExactDecimal(),
        datetime: UtcDateTime(),
        dict[str, Any]: JSON_DOCUMENT,
        list[str]: JSON_DOCUMENT,
    }


def _one_of(column: str, allowed: tuple[str, ...]) -> CheckConstraint:
    names = ", ".join(f"'{name}'" for name in allowed)
    return CheckConstraint(f"{column} IN ({names})", name=column)


class CatalogModel(Base):
    """A model that the team uses or a source knows. `provider` is its creator; `is_listed` is false
    once no source lists it any more."""

    __tablename__ = "models_catalog"

    model_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    family: Mapped[str]
    display_name: Mapped[str]
    context_window_tokens: Mapped[int | None]
    notes: Mapped[str | None]
    released_at: Mapped[datetime | None]
    is_deprecated: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_listed: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ModelPricing(Base):
    """What a model cost from `effective_at` on, as `source` tells it. `price_tiers` are the prices
    of longer requests as the column of the sources writes them, USD per 1,000,000 tokens."""

    __tablename__ = "model_pricing"
    __table_args__ = (UniqueConstraint("model_id", "effective_at", "source"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models_catalog.model_id"))
    input_per_1k: Mapped[Decimal]
    output_per_1k: Mapped[Decimal]
    cached_input_per_1k: Mapped[Decimal | None]
    price_tiers: Mapped[str | None]
    currency: Mapped[str] = mapped_column(default="USD", server_default="USD")
    effective_at: Mapped[datetime]
    source: Mapped[str]
    source_url: Mapped[str | None]
    retrieved_at: Mapped[datetime]


class ModelBenchmark(Base):
    """What a model scored in one version of a benchmark, as `source` tells it."""

    __tablename__ = "model_benchmarks"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models_catalog.model_id"))
    benchmark_name: Mapped[str]
    score: Mapped[Decimal]
    unit: Mapped[str]
    task_type: Mapped[str]
    dataset_version: Mapped[str | None]
    source: Mapped[str]
    source_url: Mapped[str]
    retrieved_at: Mapped[datetime]


# Two rows without a version are rows of one version; a plain unique constraint takes NULLs for
# different values.
BENCHMARK_KEY = Index(
    "uq_model_benchmarks",
    ModelBenchmark.model_id,
    ModelBenchmark.benchmark_name,
    func.coalesce(ModelBenchmark.dataset_version, text("''")),
    ModelBenchmark.source_url,
    unique=True,
)


class ModelRuntimeStats(Base):
    """Our own calls to a model in one role, over whole days: from `window_start` on and before
    `window_end`, both UTC midnights. `provider` served them. Rates are fractions, latencies seconds,
    speeds tokens/s, quantiles of tokens those of one call; the success rate lies between
    `success_low` and `success_high`.

    `est_cost_usd` is by the prices in force when the calls were made, over all but the
    `unpriced_calls` (no price was in force) and the `unmetered_calls` (their log tells no input
    tokens); `logged_cost_usd` is what the logs say. `quantiles` is exact or approximate. A row with
    no calls stands for calls that count elsewhere now, since a name means something else."""

    __tablename__ = "model_runtime_stats"
    __table_args__ = (UniqueConstraint("window_start", "window_end", "provider", "model", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    provider: Mapped[str]
    model: Mapped[str]
    role: Mapped[str]
    calls: Mapped[int]
    total_tokens: Mapped[Tokens]
    prompt_tokens: Mapped[Tokens | None]
    completion_tokens: Mapped[Tokens | None]
    cached_prompt_tokens: Mapped[Tokens | None]
    est_cost_usd: Mapped[Decimal | None]
    cost_per_successful_call_usd: Mapped[Decimal | None]
    logged_cost_usd: Mapped[Decimal | None]
    unpriced_calls: Mapped[int | None]
    unmetered_calls: Mapped[int | None]
    success_rate: Mapped[Decimal | None]
    success_low: Mapped[Decimal | None]
    success_high: Mapped[Decimal | None]
    p50_tokens: Mapped[Tokens | None]
    p90_tokens: Mapped[Tokens | None]
    retries: Mapped[int | None]
    p50_latency_s: Mapped[Decimal | None]
    p90_latency_s: Mapped[Decimal | None]
    p50_ttft_s: Mapped[Decimal | None]
    p90_ttft_s: Mapped[Decimal | None]
    p50_tokens_per_s: Mapped[Decimal | None]
    p90_tokens_per_s: Mapped[Decimal | None]
    quantiles: Mapped[str | None]
    notes: Mapped[str | None]


class ModelSentimentSignal(Base):
    """What somebody wrote of a model, and how it sounds. Tags are such as {"topic": "coding"}."""

    __tablename__ = "model_sentiment_signals"
    __table_args__ = (
        UniqueConstraint("model_id", "source_url"),
        _one_of("sentiment", SENTIMENTS),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models_catalog.model_id"))
    source: Mapped[str]
    source_url: Mapped[str]
    title: Mapped[str | None]
    snippet: Mapped[str]
    sentiment: Mapped[str]
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    retrieved_at: Mapped[datetime]


class ModelSentimentReview(Base):
    """A text of which a person says which model it speaks of: `candidates` are the models that it
    may mean, `accepted_as` those that it was accepted for. Kept once it is settled, so that the
    same text does not come up again."""

    __tablename__ = "model_sentiment_review"
    __table_args__ = (
        UniqueConstraint("source_url"),
        _one_of("sentiment", SENTIMENTS),
        _one_of("status", REVIEW_STATUSES),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    source_url: Mapped[str]
    title: Mapped[str | None]
    snippet: Mapped[str]
    sentiment: Mapped[str]
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    retrieved_at: Mapped[datetime]
    candidates: Mapped[list[str]]
    reason: Mapped[str]
    status: Mapped[str]
    accepted_as: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    settled_at: Mapped[datetime | None]


class ModelRecommendation(Base):
    """Advice to move a use case to another model. `expected_cost_delta_pct` is in percent,
    `expected_quality_delta` a fraction (0.125 is 12.5 % better). `evidence` holds the ids of the
    rows that it rests on, a copy of their values, and the thresholds of the day."""

    __tablename__ = "model_recommendations"
    __table_args__ = (
        UniqueConstraint("dedupe_hash"),
        _one_of("status", STATUSES),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dedupe_hash: Mapped[str]
    created_at: Mapped[datetime]
    status: Mapped[str]
    use_case: Mapped[str]
    current_model: Mapped[str]
    recommended_model: Mapped[str]
    reasoning: Mapped[str]
    expected_cost_delta_pct: Mapped[Decimal | None]
    expected_quality_delta: Mapped[Decimal | None]
    confidence: Mapped[Decimal]
    evidence: Mapped[dict[str, Any]]
    proposed_patch: Mapped[str | None]


class RecommendationEvent(Base):
    """One step in the life of a recommendation: appended, never changed. The first one, without a
    `from_status`, is the proposal."""

    __tablename__ = "recommendation_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    recommendation_id: Mapped[int] = mapped_column(ForeignKey("model_recommendations.id"))
    happened_at: Mapped[datetime]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    decided_by: Mapped[str]
    why: Mapped[str | None]


class User(Base):
    """A user or a team: what it works on in words, its constraints (fields of a question), and the
    providers that it can call (none: any)."""

    __tablename__ = "users"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    profile_text: Mapped[str]
    constraints: Mapped[dict[str, Any]]
    available_providers: Mapped[list[str]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ServedAnswer(Base):
    """An answer as it was served, whole: `answer_json` to the byte, with all that makes it anew. A
    `user_id` need not be registered."""

    __tablename__ = "served_answers"
    __table_args__ = (
        UniqueConstraint("answer_id"),
        Index("ix_served_answers_user_id_served_at", "user_id", "served_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    answer_id: Mapped[str]
    served_at: Mapped[datetime]
    channel: Mapped[str]
    user_id: Mapped[str | None]
    question: Mapped[dict[str, Any]]
    way: Mapped[dict[str, Any]]
    edition: Mapped[str]
    scorer: Mapped[str]
    config_hash: Mapped[str]
    learned: Mapped[dict[str, Any] | None]
    answer_json: Mapped[str]


class Feedback(Base):
    """One outcome that a person or a system reports of a model: `score` from 0 (failed) to 1
    (succeeded), in one use case."""

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint("source IN ('rating', 'success', 'evaluation')", name="source"),
        Index("ix_feedback_use_case_model_id", "use_case", "model_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    given_at: Mapped[datetime]
    user_id: Mapped[str | None]
    answer_id: Mapped[str | None]
    use_case: Mapped[str]
    model_id: Mapped[str]
    source: Mapped[str]
    score: Mapped[Decimal]
    comment: Mapped[str | None]
