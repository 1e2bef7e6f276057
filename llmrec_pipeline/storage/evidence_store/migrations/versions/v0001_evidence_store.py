"""The six tables of evidence, and what happened to each recommendation."""

import sqlalchemy as sa
from alembic import op

from llmrec_pipeline.storage.evidence_store.column_types import (
    JSON_DOCUMENT,
    SQLITE,
    ExactDecimal,
    UtcDateTime,
)

revision = "0001"
down_revision = None

_EVENTS = "recommendation_events"
# The newest first: a table goes before those that it refers to.
_TABLES = (
    _EVENTS,
    "model_recommendations",
    "model_sentiment_signals",
    "model_runtime_stats",
    "model_benchmarks",
    "model_pricing",
    "models_catalog",
)


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "models_catalog",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("context_window_tokens", sa.Integer(), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("is_deprecated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", UtcDateTime(), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_models_catalog")),
    )
    op.create_table(
        "model_pricing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("input_per_1k", ExactDecimal(), nullable=False),
        sa.Column("output_per_1k", ExactDecimal(), nullable=False),
        sa.Column("currency", sa.String(), server_default="USD", nullable=False),
        sa.Column("effective_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=True),
        sa.Column("retrieved_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models_catalog.model_id"], name=op.f("fk_model_pricing_model_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_pricing")),
        sa.UniqueConstraint("model_id", "effective_at", "source", name=op.f("uq_model_pricing")),
    )
    op.create_table(
        "model_benchmarks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("benchmark_name", sa.String(), nullable=False),
        sa.Column("score", ExactDecimal(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("task_type", sa.String(), nullable=False),
        sa.Column("dataset_version", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("retrieved_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models_catalog.model_id"], name=op.f("fk_model_benchmarks_model_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_benchmarks")),
    )
    op.create_index(
        "uq_model_benchmarks",
        "model_benchmarks",
        ["model_id", "benchmark_name", sa.text("coalesce(dataset_version, '')"), "source_url"],
        unique=True,
    )
    op.create_table(
        "model_runtime_stats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("total_tokens", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("est_cost_usd", ExactDecimal(), nullable=True),
        sa.Column("success_rate", ExactDecimal(), nullable=True),
        sa.Column("success_low", ExactDecimal(), nullable=True),
        sa.Column("success_high", ExactDecimal(), nullable=True),
        sa.Column("p50_tokens", sa.BigInteger(), nullable=True),
        sa.Column("p90_tokens", sa.BigInteger(), nullable=True),
        sa.Column("retries", sa.Integer(), nullable=True),
        sa.Column("p50_latency_s", ExactDecimal(), nullable=True),
        sa.Column("p90_latency_s", ExactDecimal(), nullable=True),
        sa.Column("p50_ttft_s", ExactDecimal(), nullable=True),
        sa.Column("p90_ttft_s", ExactDecimal(), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_runtime_stats")),
        sa.UniqueConstraint(
            "window_start",
            "window_end",
            "provider",
            "model",
            "role",
            name=op.f("uq_model_runtime_stats"),
        ),
    )
    op.create_table(
        "model_sentiment_signals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("snippet", sa.String(), nullable=False),
        sa.Column("sentiment", sa.String(), nullable=False),
        sa.Column("tags", JSON_DOCUMENT, server_default="{}", nullable=False),
        sa.Column("retrieved_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "sentiment IN ('positive', 'neutral', 'negative', 'mixed')",
            name=op.f("ck_model_sentiment_signals_sentiment"),
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models_catalog.model_id"],
            name=op.f("fk_model_sentiment_signals_model_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_sentiment_signals")),
        sa.UniqueConstraint("model_id", "source_url", name=op.f("uq_model_sentiment_signals")),
    )
    op.create_table(
        "model_recommendations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dedupe_hash", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("current_model", sa.String(), nullable=False),
        sa.Column("recommended_model", sa.String(), nullable=False),
        sa.Column("reasoning", sa.String(), nullable=False),
        sa.Column("expected_cost_delta_pct", ExactDecimal(), nullable=True),
        sa.Column("expected_quality_delta", ExactDecimal(), nullable=True),
        sa.Column("confidence", ExactDecimal(), nullable=False),
        sa.Column("evidence", JSON_DOCUMENT, nullable=False),
        sa.Column("proposed_patch", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('proposed', 'accepted', 'rejected', 'implemented')",
            name=op.f("ck_model_recommendations_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_recommendations")),
        sa.UniqueConstraint("dedupe_hash", name=op.f("uq_model_recommendations")),
    )
    op.create_table(
        "recommendation_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recommendation_id", sa.Integer(), nullable=False),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("from_status", sa.String(), nullable=True),
        sa.Column("to_status", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recommendation_id"],
            ["model_recommendations.id"],
            name=op.f("fk_recommendation_events_recommendation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommendation_events")),
    )

    _keep_events()


def downgrade() -> None:
    """Drop them, with everything that they hold."""
    for table in _TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name != SQLITE:
        op.execute("DROP FUNCTION refuse_change_of_events()")


def _keep_events() -> None:
    """What was decided is only ever added to, whoever writes to the database."""
    refusal = f"{_EVENTS} is only added to"
    if op.get_bind().dialect.name == SQLITE:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {_EVENTS}_no_{verb.lower()} BEFORE {verb} ON {_EVENTS} "
                f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {_EVENTS}_only_added BEFORE UPDATE OR DELETE ON {_EVENTS} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_events()"
    )
