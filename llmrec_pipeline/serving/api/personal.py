"""A stored profile as a question, and what it is most like: model cards of the served edition, task
types and use cases, and past requests of the evidence store whose outcome is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.matching import TextIndex
from llmrec_pipeline.domain.task_profile import RequestError, TaskType
from llmrec_pipeline.serving.answering import Question
from llmrec_pipeline.serving.api.desk import Desk, ServedEdition
from llmrec_pipeline.storage.evidence_store.answers import UserProfile
from llmrec_pipeline.storage.evidence_store.models import Feedback, ServedAnswer

_SHOWN = 5
# The newest outcomes whose requests a profile is compared with: a text takes some 15 ms once.
_PAST = 100


def question_of_user(
    served: ServedEdition, user_id: str, user: UserProfile, topk: int, understanding: str
) -> Question:
    """What a profile asks: its text, its constraints, and only providers that the user can call.
    Raises RequestError where the constraints allow none of those."""
    asked = {"text": user.profile_text, "topk": topk, "understanding": understanding}
    question = Question.from_mapping({**asked, **user.constraints})
    if not user.available_providers:
        return question
    available = tuple(user.available_providers)
    allowed = question.provider_allowlist
    if allowed:
        ids = served.payload["provider_aliases"]
        named = {ids.get(name.casefold(), name) for name in allowed}
        available = tuple(name for name in available if name in named)
        if not available:
            raise RequestError(
                f"{user_id}: provider_allowlist {', '.join(allowed)} names none of the "
                f"available providers {', '.join(user.available_providers)}; change either"
            )
    return replace(question, provider_allowlist=available)


def matches_of(
    desk: Desk, served: ServedEdition, session: Session, user: UserProfile
) -> dict[str, Any]:
    """The model cards, use cases and past requests with outcomes that a profile is most like."""
    text = user.profile_text
    cards = desk.cards_index(served)
    past = _past_requests(session)
    embedder = cards.embedder
    of_past = TextIndex(embedder, {key: found["text"] for key, found in past.items()})
    use_cases = TextIndex(embedder, _use_cases(desk, served))
    return {
        "embedding": embedder.name,
        "models": [match._asdict() for match in cards.nearest(text, _SHOWN)],
        "use_cases": [match._asdict() for match in use_cases.nearest(text, _SHOWN)],
        "past_requests": [
            {**match._asdict(), **past[match.id]} for match in of_past.nearest(text, _SHOWN)
        ],
    }


def _use_cases(desk: Desk, served: ServedEdition) -> dict[str, str]:
    """Task types with their words, and the use cases that outcomes name."""
    texts = {name: _in_words(name, kind) for name, kind in served.tasks.task_types.items()}
    for outcome in served.book.outcomes:
        kind = desk.settings.advice.task_type(outcome.use_case)
        spelled = outcome.use_case.replace("_", " ")
        texts.setdefault(outcome.use_case, f"{spelled} {texts.get(kind, kind)}")
    return texts


def _in_words(name: str, kind: TaskType) -> str:
    return " ".join([name, *kind.words.strong_words, *kind.words.words]).replace("*", "")


def _past_requests(session: Session) -> dict[str, dict[str, Any]]:
    """By answer id, the text that was asked and the outcomes that are reported of it."""
    rows = session.execute(
        select(ServedAnswer, Feedback)
        .join(Feedback, Feedback.answer_id == ServedAnswer.answer_id)
        .order_by(Feedback.id.desc())
        .limit(_PAST)
    )
    found: dict[str, dict[str, Any]] = {}
    for answer, outcome in rows:
        question: Mapping[str, Any] = answer.question
        past = found.setdefault(answer.answer_id, {"text": question["text"], "outcomes": []})
        past["outcomes"].append(
            {"model": outcome.model_id, "use_case": outcome.use_case, "score": float(outcome.score)}
        )
    return found
