"""The team's own records in an edition: proposals that people decide on, and usage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any

from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.serving.report.content import Proposal, Usage

Row = Mapping[str, Any]

_DAYS_A_MONTH = 30.4375
_A_DAY_S = 86_400


def usages(rows: Sequence[Row] | None) -> tuple[Usage, ...] | None:
    """Rows of `model_runtime_stats`, by use case, the most expensive first; None where the edition
    has no such table."""
    if rows is None:
        return None
    told = map(_usage, rows)
    return tuple(sorted(told, key=lambda u: (u.use_case, -(u.cost_usd or 0.0), u.model)))


def proposals(
    rows: Sequence[Row] | None, usage: Iterable[Usage] | None
) -> tuple[Proposal, ...] | None:
    """Rows of `model_recommendations`, newest first; None where the edition has no such table. What
    a month costs more or less follows from what the use case has spent on its current model."""
    if rows is None:
        return None
    spent = list(usage or ())
    told = (_proposal(row, spent) for row in rows)
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
        cost_usd=_number(row["est_cost_usd"]),
        success_rate=_number(row["success_rate"]),
        success_low=_number(row["success_low"]),
        success_high=_number(row["success_high"]),
        latency_s=_number(row["p50_latency_s"]),
        first_token_s=_number(row["p50_ttft_s"]),
    )


def _proposal(row: Row, spent: Sequence[Usage]) -> Proposal:
    evidence = json.loads(row["evidence"]) if isinstance(row["evidence"], str) else row["evidence"]
    cost_delta = _number(row["expected_cost_delta_pct"])
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
        quality_delta=_number(row["expected_quality_delta"]),
        usd_per_month=None if monthly is None or cost_delta is None else monthly * cost_delta / 100,
        confidence=float(row["confidence"]),
        evidence_counts={kind: len(ids) for kind, ids in sorted(evidence["rows"].items())},
    )


def _monthly_usd(use_case: str, model: str, spent: Sequence[Usage]) -> float | None:
    """What a use case spends on a model in an average month, by the newest window; None where that
    is not known."""
    mine = [u for u in spent if (u.use_case, u.model) == (use_case, model)]
    newest = max((u.window_end for u in mine), default=None)
    costs = [u for u in mine if u.window_end == newest and u.cost_usd is not None]
    if not costs:
        return None
    span = parse_iso(costs[0].window_end) - parse_iso(costs[0].window_start)
    days = span.total_seconds() / _A_DAY_S
    return fsum(u.cost_usd or 0.0 for u in costs) / days * _DAYS_A_MONTH


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
