"""Upgrade advice from the evidence store, with the consensus of the current edition beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice import Advice, advise
from llmrec_pipeline.domain.advice_evidence import Quality, Subject
from llmrec_pipeline.domain.published_consensus import standings_of
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import current_edition
from llmrec_pipeline.storage.evidence_store.recommendations import propose
from llmrec_pipeline.storage.evidence_store.subjects import read_subjects


@dataclass(frozen=True, slots=True)
class Question:
    """For which use case, and instead of which model; None is the one that models.yaml names."""

    use_case: str
    current_model: str | None = None
    max_candidates: int | None = None


def answer(
    session: Session, question: Question, team: ModelsConfig, settings: Settings, now: datetime
) -> Advice:
    """The advice; raises RequestError for a use case or model that is not known."""
    (advice,) = answers(session, [question], team, settings, now)
    return advice


def answers(
    session: Session,
    questions: Sequence[Question],
    team: ModelsConfig,
    settings: Settings,
    now: datetime,
) -> list[Advice]:
    """The advice on each question, from one reading of the store and of the current edition.
    Raises RequestError for a use case or model that is not known."""
    subjects = read_subjects(session, now, team.model_id)
    edition = current_edition(settings.locations.published)
    ranking = edition.ranking() if edition else None
    advice = []
    for question in questions:
        task_type = settings.advice.task_type(question.use_case)
        judged = _with_quality(subjects, task_type, ranking) if ranking else subjects
        current = judged[_current(question, team, subjects)]
        advice.append(
            advise(
                question.use_case,
                current,
                list(judged.values()),
                settings.advice,
                question.max_candidates,
            )
        )
    return advice


def propose_all(
    session: Session, advice: Advice, settings: Settings, now: datetime
) -> dict[str, int]:
    """Store what is advised, each model once for the same reasons; the id of its recommendation by
    model."""
    return {
        found.candidate.model_id: propose(session, advice.use_case, found, settings.advice, now).id
        for found in advice.candidates
    }


def _current(question: Question, team: ModelsConfig, known: Mapping[str, Subject]) -> str:
    """The key of the current model."""
    name = question.current_model
    if name is None:
        use_case = team.by_use_case.get(question.use_case)
        if use_case is None:
            error = unknown_name("use case", question.use_case, team.by_use_case)
            raise RequestError(f"{error}; or name its model with --current-model")
        name = use_case.model
    found = team.model_id(name)
    if found is None:
        raise unknown_name("model", name, [*team.models, *known])
    if found in known:
        return found
    raise RequestError(f"{found} is not in the catalogue; run `llmrec intel ingest-catalog`")


def _with_quality(
    subjects: Mapping[str, Subject], task_type: str, ranking: Mapping[str, Any]
) -> dict[str, Subject]:
    """The models with their standing in an edition."""
    keys = list(subjects)
    return {
        key: subjects[key]
        if standing is None
        else subjects[key].model_copy(
            update={"quality": Quality(score=standing.score, low=standing.low, high=standing.high)}
        )
        for key, standing in zip(keys, standings_of(ranking, task_type, keys), strict=True)
    }


def attribution_of(subjects: Iterable[Subject], settings: Settings) -> dict[str, str]:
    """By source, whose numbers are shown where these models are."""
    shown = sorted({source for subject in subjects for source in subject.sources()})
    return {
        source: settings.sources[source].attribution
        for source in shown
        if source in settings.sources
    }
