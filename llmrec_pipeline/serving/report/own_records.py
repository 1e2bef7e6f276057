"""The team's own records in an edition: proposals that people decide on, and usage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.report.content import Proposal, Usage

Row = Mapping[str, Any]


def usages(rows: Sequence[Row]) -> tuple[Usage, ...]:
    """Rows of `model_runtime_stats`, by use case, the most expensive first."""
    told = map(_usage, rows)
    return tuple(sorted(told, key=lambda u: (u.use_case, -(u.cost_usd or 0.0), u.model)))


def proposals(rows: Sequence[Row]) -> tuple[Proposal, ...]:
    """Rows of `model_recommendations`, newest first."""
    return tuple(sorted(map(_proposal, rows), key=lambda proposal: -proposal.id))


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


def _proposal(row: Row) -> Proposal:
    return Proposal(
        id=row["id"],
        created_at=iso(row["created_at"]),
        status=row["status"],
        use_case=row["use_case"],
        current_model=row["current_model"],
        recommended_model=row["recommended_model"],
        reasoning=row["reasoning"],
        cost_delta_pct=row["expected_cost_delta_pct"],
        quality_delta=row["expected_quality_delta"],
        # An edition of an earlier day does not tell it.
        usd_per_month=row.get("monthly_delta_usd"),
        confidence=row["confidence"],
        evidence_counts=json.loads(row["evidence_counts"]),
    )
