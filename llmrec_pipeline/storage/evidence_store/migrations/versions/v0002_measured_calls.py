"""What our own calls measured besides, and cached input and tiers of a price."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from llmrec_pipeline.storage.evidence_store.column_types import ExactDecimal

revision = "0002"
down_revision = "0001"

_STATS, _PRICES = "model_runtime_stats", "model_pricing"


def upgrade() -> None:
    """Add the columns."""
    for table, column in _columns():
        op.add_column(table, column)


def downgrade() -> None:
    """Drop them, with what they hold."""
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)


def _columns() -> list[tuple[str, sa.Column[Any]]]:
    amounts = (
        "cost_per_successful_call_usd",
        "logged_cost_usd",
        "p50_tokens_per_s",
        "p90_tokens_per_s",
    )
    return [
        (_STATS, sa.Column("cached_prompt_tokens", sa.BigInteger(), nullable=True)),
        *((_STATS, sa.Column(name, ExactDecimal(), nullable=True)) for name in amounts),
        (_STATS, sa.Column("unpriced_calls", sa.Integer(), nullable=True)),
        (_STATS, sa.Column("unmetered_calls", sa.Integer(), nullable=True)),
        (_STATS, sa.Column("quantiles", sa.String(), nullable=True)),
        (_PRICES, sa.Column("cached_input_per_1k", ExactDecimal(), nullable=True)),
        (_PRICES, sa.Column("price_tiers", sa.String(), nullable=True)),
    ]
