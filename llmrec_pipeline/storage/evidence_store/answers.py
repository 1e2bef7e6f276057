"""Users, served answers and feedback in the evidence store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.learning import Outcome
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.storage.evidence_store.models import (
    Feedback,
    ModelRuntimeStats,
    ServedAnswer,
    User,
)
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.spool import AnswerSpool

_COPIED = (
    "answer_id",
    "channel",
    "user_id",
    "question",
    "way",
    "edition",
    "scorer",
    "config_hash",
    "learned",
    "answer_json",
)


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What is stored of a user, without its dates."""

    profile_text: str
    constraints: Mapping[str, Any]
    available_providers: Sequence[str]

    @classmethod
    def of(cls, row: User) -> UserProfile:
        """Of a stored user."""
        return cls(row.profile_text, row.constraints, row.available_providers)


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """One reported outcome; `score` from 0 to 1."""

    use_case: str
    model_id: str
    source: str
    score: Decimal
    user_id: str | None = None
    answer_id: str | None = None
    comment: str | None = None


def put_user(session: Session, user_id: str, profile: UserProfile, now: datetime) -> bool:
    """Store a profile; whether the user is new."""
    row = session.get(User, user_id)
    is_new = row is None
    if row is None:
        row = User(user_id=user_id, created_at=now)
        session.add(row)
    row.profile_text = profile.profile_text
    row.constraints = dict(profile.constraints)
    row.available_providers = list(profile.available_providers)
    row.updated_at = now
    return is_new


def find_user(session: Session, user_id: str) -> User:
    """The user; raises UnknownId."""
    row = session.get(User, user_id)
    if row is None:
        raise UnknownId(f"no user has the id {user_id!r}; see `llmrec users list`")
    return row


def all_users(session: Session) -> Sequence[User]:
    """Every user, by id."""
    return session.scalars(select(User).order_by(User.user_id)).all()


def add_feedback(session: Session, given: GivenFeedback, now: datetime) -> Feedback:
    """Append one outcome; raises UnknownId where its answer is not known."""
    if given.answer_id is not None:
        find_answer(session, given.answer_id)
    row = Feedback(
        given_at=now,
        **{name: getattr(given, name) for name in GivenFeedback.__slots__},
    )
    session.add(row)
    session.flush()
    return row


def drain_spool(spool: AnswerSpool, store: EvidenceStore, now: datetime) -> int:
    """Everything that is spooled, into the store; how many answers. Raises EvidenceStoreError."""

    def keep(records: Sequence[Mapping[str, Any]]) -> None:
        with store.writing() as session:
            add_answers(session, records)

    return spool.drain(keep, now)


def add_answers(session: Session, records: Sequence[Mapping[str, Any]]) -> None:
    """Store served answers; one that is there already is left as it is."""
    ids = {record["answer_id"] for record in records}
    known = set(
        session.scalars(select(ServedAnswer.answer_id).where(ServedAnswer.answer_id.in_(ids)))
    )
    new = {r["answer_id"]: r for r in records if r["answer_id"] not in known}
    session.add_all(
        ServedAnswer(
            served_at=parse_iso(record["served_at"]),
            **{name: record.get(name) for name in _COPIED},
        )
        for record in new.values()
    )


def find_answer(session: Session, answer_id: str) -> ServedAnswer:
    """The answer; raises UnknownId."""
    query = select(ServedAnswer).where(ServedAnswer.answer_id == answer_id)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise UnknownId(f"no answer has the id {answer_id!r}; see the user's history")
    return row


def history(
    session: Session, user_id: str, limit: int, offset: int = 0
) -> tuple[Sequence[ServedAnswer], int]:
    """A user's answers, newest first, and how many there are."""
    of_user = ServedAnswer.user_id == user_id
    newest = ServedAnswer.served_at.desc(), ServedAnswer.id.desc()
    rows = session.scalars(
        select(ServedAnswer).where(of_user).order_by(*newest).limit(limit).offset(offset)
    )
    return rows.all(), session.scalar(select(func.count()).where(of_user)) or 0


def outcomes(session: Session) -> list[Outcome]:
    """Every outcome of our own: feedback, and of each role and model the newest window of telemetry
    that tells of success. Scores are from 0 to 1."""
    told = [
        Outcome(row.use_case, row.model_id, float(row.score))
        for row in session.scalars(select(Feedback).order_by(Feedback.id))
    ]
    return told + _of_telemetry(session)


def outcomes_mark(session: Session) -> tuple[Any, ...]:
    """A value that is another one when there is another outcome."""
    stats = ModelRuntimeStats
    feedback = session.scalar(select(func.max(Feedback.id)))
    telemetry = session.execute(select(func.max(stats.id), func.sum(stats.calls))).one()
    return (feedback, *telemetry)


def _of_telemetry(session: Session) -> list[Outcome]:
    newest: dict[tuple[str, str], ModelRuntimeStats] = {}
    stats = select(ModelRuntimeStats).where(ModelRuntimeStats.success_rate.is_not(None))
    for row in session.scalars(stats.order_by(ModelRuntimeStats.window_end, ModelRuntimeStats.id)):
        newest[row.role, row.model] = row
    return [
        Outcome(role, model, float(row.success_rate), row.calls)
        for (role, model), row in newest.items()
        if row.success_rate is not None and row.calls
    ]


class UnknownId(RequestError):
    """Nothing has that id."""
