"""Recommendations in the evidence store: proposed once, decided by people, never forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.advice_evidence import Price, Runtime, Score, Subject
from llmrec_pipeline.domain.advice_record import (
    cost_delta_pct,
    dedupe_hash,
    evidence,
    quality_delta,
    reasoning,
)
from llmrec_pipeline.domain.assessment import Assessment
from llmrec_pipeline.domain.decisions import IMPLEMENTED, PROPOSED, refusal
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.storage.evidence_store.models import (
    ModelBenchmark,
    ModelPricing,
    ModelRecommendation,
    ModelRuntimeStats,
    ModelSentimentSignal,
    RecommendationEvent,
)
from llmrec_pipeline.storage.evidence_store.rows import row_of
from llmrec_pipeline.storage.evidence_store.subjects import (
    price_in_force,
    price_of,
    runtime_of,
    score_of,
    sentiment_of,
)

_Row = TypeVar("_Row", ModelPricing, ModelBenchmark, ModelRuntimeStats)
_Told = TypeVar("_Told", Price, Score, Runtime)

# Who proposes.
OURSELVES = "llmrec"


def propose(
    session: Session, use_case: str, found: Assessment, config: AdviceConfig, now: datetime
) -> ModelRecommendation:
    """The recommendation of an assessment; the one that is there where the same was proposed for
    the same reasons."""
    told = dedupe_hash(use_case, found, config)
    known = session.scalars(
        select(ModelRecommendation).where(ModelRecommendation.dedupe_hash == told)
    ).one_or_none()
    if known is not None:
        return known
    row = ModelRecommendation(
        dedupe_hash=told,
        created_at=now,
        status=PROPOSED,
        use_case=use_case,
        current_model=found.current.model_id,
        recommended_model=found.candidate.model_id,
        reasoning=reasoning(found),
        expected_cost_delta_pct=cost_delta_pct(found),
        expected_quality_delta=quality_delta(found),
        confidence=found.confidence,
        evidence=evidence(use_case, found, config),
    )
    session.add(row)
    session.flush()
    session.add(_event(row, None, PROPOSED, OURSELVES, None, now))
    return row


def decide(
    session: Session, row: ModelRecommendation, status: str, by: str, why: str | None, now: datetime
) -> None:
    """Change the status, and note who decided, when and why; raises RequestError where the status
    cannot follow."""
    reason = refusal(row.status, status)
    if reason is not None:
        raise RequestError(f"recommendation {row.id} cannot be {status}: {reason}")
    session.add(_event(row, row.status, status, by, why, now))
    row.status = status


def find(session: Session, recommendation_id: int) -> ModelRecommendation:
    """The recommendation with an id; raises RequestError."""
    row = row_of(session, ModelRecommendation, recommendation_id)
    if row is None:
        raise RequestError(
            f"no recommendation has the id {recommendation_id}; see `llmrec intel report`"
        )
    return row


def all_of(
    session: Session, use_case: str | None = None, *, latest: bool = False
) -> list[ModelRecommendation]:
    """Recommendations, newest first; `latest`: the last one of each use case and model."""
    query = select(ModelRecommendation).order_by(
        ModelRecommendation.created_at.desc(), ModelRecommendation.id
    )
    if use_case is not None:
        query = query.where(ModelRecommendation.use_case == use_case)
    rows = list(session.scalars(query))
    if not latest:
        return rows
    newest: dict[tuple[str, str], tuple[datetime, int]] = {}
    for row in rows:
        of_model = (row.use_case, row.recommended_model)
        age = (row.created_at, row.id)
        newest[of_model] = max(newest.get(of_model, age), age)
    return [row for row in rows if (row.created_at, row.id) in newest.values()]


def implemented_last(session: Session) -> set[int]:
    """Ids of the recommendations that are in force: of each use case the one that was implemented
    after all others."""
    steps = session.execute(
        select(ModelRecommendation.use_case, ModelRecommendation.id)
        .join(RecommendationEvent, RecommendationEvent.recommendation_id == ModelRecommendation.id)
        .where(RecommendationEvent.to_status == IMPLEMENTED)
        .order_by(RecommendationEvent.id)
    )
    return set(dict(steps.tuples().all()).values())


def events_of(session: Session, recommendation_id: int) -> Sequence[RecommendationEvent]:
    """What happened to a recommendation, in order."""
    query = select(RecommendationEvent).where(
        RecommendationEvent.recommendation_id == recommendation_id
    )
    return session.scalars(query.order_by(RecommendationEvent.id)).all()


def _event(
    row: ModelRecommendation,
    before: str | None,
    after: str,
    by: str,
    why: str | None,
    now: datetime,
) -> RecommendationEvent:
    return RecommendationEvent(
        recommendation_id=row.id,
        happened_at=now,
        from_status=before,
        to_status=after,
        decided_by=by,
        why=why,
    )


def changed_since(session: Session, row: ModelRecommendation, now: datetime) -> list[str]:
    """Where the rows behind a recommendation say something else today than the copy in it, and
    where another price is in force by now."""
    return [
        line
        for part in ("current", "candidate")
        for line in _changes(session, Subject.model_validate(row.evidence[part]), now)
    ]


def _changes(session: Session, stored: Subject, now: datetime) -> list[str]:
    told = f"{stored.model_id}:"
    lines = []
    if stored.price:
        row = _now(session, ModelPricing, stored.price.row, price_of)
        lines += _compared(f"{told} price", stored.price, row)
        in_force = price_in_force(session, stored.model_id, now)
        if in_force != row:
            lines += _compared(f"{told} price in force", stored.price, in_force)
    for score in stored.scores:
        lines += _compared(
            f"{told} {score.benchmark}", score, _now(session, ModelBenchmark, score.row, score_of)
        )
    for stats in stored.runtime:
        lines += _compared(
            f"{told} calls as {stats.role}",
            stats,
            _now(session, ModelRuntimeStats, stats.row, runtime_of),
        )
    if newer := _newer_window(session, stored.runtime):
        lines.append(f"{told} calls are counted until {newer:%Y-%m-%d} now")
    signals = session.scalars(
        select(ModelSentimentSignal).where(ModelSentimentSignal.id.in_(stored.sentiment.rows))
    ).all()
    if sentiment_of(signals) != stored.sentiment:
        lines.append(f"{told} sentiment was relabelled")
    return lines


def _newer_window(session: Session, counted: Sequence[Runtime]) -> datetime | None:
    """The end of the newest window of a model whose older one was counted."""
    row = session.get(ModelRuntimeStats, counted[0].row) if counted else None
    if row is None:
        return None
    ends = select(func.max(ModelRuntimeStats.window_end)).where(
        ModelRuntimeStats.model == row.model
    )
    newest = session.scalar(ends)
    return newest if newest and newest > row.window_end else None


def _now(
    session: Session, table: type[_Row], row_id: int, shape: Callable[[_Row], _Told | None]
) -> _Told | None:
    row = session.get(table, row_id)
    return None if row is None else shape(row)


def _compared(
    what: str, then: Price | Score | Runtime, now: Price | Score | Runtime | None
) -> list[str]:
    if now is None:
        return [f"{what}: the row says nothing any more"]
    before, after = then.model_dump(mode="json"), now.model_dump(mode="json")
    return [
        f"{what}: {name} was {before[name]}, is {after[name]}"
        for name in before
        if before[name] != after[name] and name not in ("retrieved_at", "row")
    ]
