"""Upgrade advice from the evidence store, with the consensus of the current edition beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice import Advice, advise
from llmrec_pipeline.domain.advice_evidence import Quality, Subject
from llmrec_pipeline.domain.published_consensus import standings_of
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import current_edition
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
    subjects = read_subjects(session, now, team.model_id)
    current = _current(question, team, subjects)
    judged = _with_quality(subjects, settings.advice.task_type(question.use_case), settings)
    return advise(
        question.use_case,
        judged[current],
        list(judged.values()),
        settings.advice,
        question.max_candidates,
    )


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
    subjects: Mapping[str, Subject], task_type: str, settings: Settings
) -> dict[str, Subject]:
    """The models with their standing in the current edition, where there is one."""
    edition = current_edition(settings.locations.published)
    if edition is None:
        return dict(subjects)
    keys = list(subjects)
    standings = standings_of(edition.ranking(), task_type, keys)
    return {
        key: subjects[key]
        if standing is None
        else subjects[key].model_copy(
            update={"quality": Quality(score=standing.score, low=standing.low, high=standing.high)}
        )
        for key, standing in zip(keys, standings, strict=True)
    }


def sources_of(advice: Advice) -> set[str]:
    """Whose numbers the advice shows."""
    shown = [*advice.candidates, *advice.considered]
    subjects = [subject for found in shown for subject in (found.current, found.candidate)]
    sources = {score.source for subject in subjects for score in subject.scores}
    return sources | {subject.price.source for subject in subjects if subject.price}
