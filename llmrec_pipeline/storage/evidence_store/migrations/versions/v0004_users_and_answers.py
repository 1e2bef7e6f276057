"""Users, the answers that were served, and feedback."""

import sqlalchemy as sa
from alembic import op

from llmrec_pipeline.storage.evidence_store.column_types import (
    JSON_DOCUMENT,
    ExactDecimal,
    UtcDateTime,
)

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "users",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("profile_text", sa.String(), nullable=False),
        sa.Column("constraints", JSON_DOCUMENT, nullable=False),
        sa.Column("available_providers", JSON_DOCUMENT, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_users")),
    )
    op.create_table(
        "served_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("served_at", UtcDateTime(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("question", JSON_DOCUMENT, nullable=False),
        sa.Column("way", JSON_DOCUMENT, nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("scorer", sa.String(), nullable=False),
        sa.Column("config_hash", sa.String(), nullable=False),
        sa.Column("learned", JSON_DOCUMENT, nullable=True),
        sa.Column("answer_json", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_served_answers")),
        sa.UniqueConstraint("answer_id", name=op.f("uq_served_answers")),
    )
    op.create_index(
        "ix_served_answers_user_id_served_at", "served_answers", ["user_id", "served_at"]
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("answer_id", sa.String(), nullable=True),
        sa.Column("use_case", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("score", ExactDecimal(), nullable=False),
        sa.Column("comment", sa.String(), nullable=True),
        sa.CheckConstraint(
            "source IN ('rating', 'success', 'evaluation')", name=op.f("ck_feedback_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index("ix_feedback_use_case_model_id", "feedback", ["use_case", "model_id"])


def downgrade() -> None:
    """Drop them, with everything that they hold."""
    for table in ("feedback", "served_answers", "users"):
        op.drop_table(table)
