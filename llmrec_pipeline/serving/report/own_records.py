"""The team's own records in an edition: proposals that people decide on, and usage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.serving.report.content import Proposal, Usage

Row = Mapping[str, Any]

_DAYS_A_MONTH = 30.4375
_A_DAY_S = 86_400


def usages(rows: Sequence[Row]) -> tuple[Usage, ...]:
    """Rows of `model_runtime_stats`, by use case, the most expensive first."""
    told = map(_usage, rows)
    return tuple(sorted(told, key=lambda u: (u.use_case, -(u.cost_usd or 0.0), u.model)))


def proposals(rows: Sequence[Row], usage: Sequence[Usage]) -> tuple[Proposal, ...]:
    """Rows of `model_recommendations`, newest first. What a month costs more or less follows from
    what the use case has spent on its current model."""
    told = (_proposal(row, usage) for row in rows)
    return tuple(sorted(told, key=lambda proposal: -proposal.id))


def _usage(row: Row) -> Usage:
    return Usage(
        use_case=row["role"],
        provider=row["provider"],
        model=row["model"],
        window_start=iso(row["window_start"]),
        window_end=iso(row["window_end"]),
        calls=row["calls"],
        tokens=row["total_tokens"],
        cost_usd=row["est_cost_usd"],
        success_rate=row["success_rate"],
        success_low=row["success_low"],
        success_high=row["success_high"],
        latency_s=row["p50_latency_s"],
        first_token_s=row["p50_ttft_s"],
    )


def _proposal(row: Row, spent: Sequence[Usage]) -> Proposal:
    cost_delta = row["expected_cost_delta_pct"]
    monthly = _monthly_usd(row["use_case"], row["current_model"], spent)
    return Proposal(
        id=row["id"],
        created_at=iso(row["created_at"]),
        status=row["status"],
        use_case=row["use_case"],
        current_model=row["current_model"],
        recommended_model=row["recommended_model"],
        reasoning=row["reasoning"],
        cost_delta_pct=cost_delta,
        quality_delta=row["expected_quality_delta"],
        usd_per_month=None if monthly is None or cost_delta is None else monthly * cost_delta / 100,
        confidence=row["confidence"],
        evidence_counts=json.loads(row["evidence_counts"]),
    )


def _monthly_usd(use_case: str, model: str, spent: Sequence[Usage]) -> float | None:
    """What a use case spends on a model in an average month; None where that is not known."""
    a_day = [
        usage.cost_usd / _days(usage)
        for usage in spent
        if (usage.use_case, usage.model) == (use_case, model) and usage.cost_usd is not None
    ]
    return fsum(a_day) * _DAYS_A_MONTH if a_day else None


def _days(usage: Usage) -> float:
    span = parse_iso(usage.window_end) - parse_iso(usage.window_start)
    return span.total_seconds() / _A_DAY_S
