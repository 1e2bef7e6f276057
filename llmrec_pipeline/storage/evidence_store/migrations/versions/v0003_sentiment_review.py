"""Texts of which a person says which model they speak of."""

import sqlalchemy as sa
from alembic import op

from llmrec_pipeline.storage.evidence_store.column_types import JSON_DOCUMENT, UtcDateTime

revision = "0003"
down_revision = "0002"

_REVIEW = "model_sentiment_review"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        _REVIEW,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("snippet", sa.String(), nullable=False),
        sa.Column("sentiment", sa.String(), nullable=False),
        sa.Column("tags", JSON_DOCUMENT, server_default="{}", nullable=False),
        sa.Column("retrieved_at", UtcDateTime(), nullable=False),
        sa.Column("candidates", JSON_DOCUMENT, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("accepted_as", JSON_DOCUMENT, server_default="[]", nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "sentiment IN ('positive', 'neutral', 'negative', 'mixed')",
            name=op.f(f"ck_{_REVIEW}_sentiment"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'accepted', 'rejected')", name=op.f(f"ck_{_REVIEW}_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_REVIEW}")),
        sa.UniqueConstraint("source_url", name=op.f(f"uq_{_REVIEW}")),
    )


def downgrade() -> None:
    """Drop it, with everything that it holds."""
    op.drop_table(_REVIEW)
