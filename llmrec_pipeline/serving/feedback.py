"""Outcomes that people report, as the API and the command line take and show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmrec_pipeline.domain.learning_config import RatingScale
from llmrec_pipeline.storage.evidence_store.models import Feedback


def score_of(
    rating: int | None, success: bool | None, score: float | None, scale: RatingScale
) -> tuple[str, Decimal]:
    """Which kind of outcome it is, and its score from 0 to 1. Exactly one of the three is stated;
    raises ValueError for a rating beyond the scale."""
    if rating is not None:
        return "rating", Decimal(str(scale.score(rating)))
    if success is not None:
        return "success", Decimal(int(success))
    return "evaluation", Decimal(str(score))


def feedback_record(row: Feedback) -> dict[str, Any]:
    """A stored outcome as JSON; `score` is from 0 to 1."""
    return {
        "id": row.id,
        "use_case": row.use_case,
        "model": row.model_id,
        "source": row.source,
        "score": float(row.score),
    }
