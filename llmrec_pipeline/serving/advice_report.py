"""Recommendations as they are reported: one row a recommendation, on a terminal, as JSON and as
Markdown, by the command and in Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice_evidence import Subject
from llmrec_pipeline.domain.spend import spend_of
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.markdown import markdown_table
from llmrec_pipeline.serving.upgrade_advice import attribution_of
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store.models import ModelRecommendation
from llmrec_pipeline.storage.evidence_store.recommendations import all_of

REPORT_COLUMNS = (
    "id",
    "created",
    "status",
    "use_case",
    "current_model",
    "recommended_model",
    "cost %",
    "quality %",
    "USD/month",
    "confidence",
)


def reported(
    session: Session, settings: Settings, use_case: str | None = None, *, latest: bool
) -> list[dict[str, Any]]:
    """Recommendations, newest first; `latest`: the last one of each use case and model."""
    return [recommendation(row, settings) for row in all_of(session, use_case, latest=latest)]


def recommendation(row: ModelRecommendation, settings: Settings) -> dict[str, Any]:
    """A stored recommendation; `references` counts its evidence by kind."""
    subjects = [Subject.model_validate(row.evidence[part]) for part in ("current", "candidate")]
    return {
        "id": row.id,
        "created_at": iso(row.created_at),
        "status": row.status,
        "use_case": row.use_case,
        "current_model": row.current_model,
        "recommended_model": row.recommended_model,
        "confidence": float(row.confidence),
        "expected_cost_delta_pct": _number(row.expected_cost_delta_pct),
        "expected_quality_delta": _number(row.expected_quality_delta),
        **spend_of(row.evidence),
        "reasoning": row.reasoning,
        "references": {kind: len(ids) for kind, ids in row.evidence["rows"].items()},
        "attribution": attribution_of(subjects, settings),
    }


def report_rows(recommendations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands under REPORT_COLUMNS: the day alone, and both deltas in percent."""
    return [{**row, "created": row["created_at"][:10], **deltas(row)} for row in recommendations]


def deltas(figures: dict[str, Any]) -> dict[str, Any]:
    """Both deltas in percent and that of the monthly spend, by the names of their columns."""
    quality = figures["expected_quality_delta"]
    return {
        "cost %": figures["expected_cost_delta_pct"],
        "quality %": None if quality is None else round(quality * 100, 6),
        "USD/month": figures["monthly_delta_usd"],
    }


def as_markdown(recommendations: Sequence[dict[str, Any]]) -> str:
    """The report's table, and whose numbers it rests on."""
    table = markdown_table(report_rows(recommendations), REPORT_COLUMNS)
    return "\n\n".join([table, *attribution_lines(recommendations)])


def attribution_lines(recommendations: Sequence[dict[str, Any]]) -> list[str]:
    """Whose numbers the recommendations rest on, each once."""
    told: dict[str, str] = {}
    for row in recommendations:
        told |= row["attribution"]
    return [line for _, line in sorted(told.items())]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
