"""Upgrade advice from the evidence store, with the consensus of the current edition beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice import Advice, advise
from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.advice_evidence import Quality, Subject
from llmrec_pipeline.domain.published_consensus import standings_of
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import current_edition
from llmrec_pipeline.storage.evidence_store.recommendations import propose
from llmrec_pipeline.storage.evidence_store.subjects import read_subjects


@dataclass(frozen=True, slots=True)
class AdviceQuestion:
    """For which use case, and instead of which model; None is the one that models.yaml names."""

    use_case: str
    current_model: str | None = None
    max_candidates: int | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A use case that no advice could be given for, and why."""

    use_case: str
    reason: str


# A model that is not in the catalogue, or a value that nothing can be computed with.
_OF_ONE_QUESTION = (ArithmeticError, ValueError)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store knows of each model, the ranking of the current edition, and the team's files."""

    subjects: Mapping[str, Subject]
    ranking: Mapping[str, Any] | None
    team: ModelsConfig
    config: AdviceConfig

    @classmethod
    def read(
        cls, session: Session, team: ModelsConfig, settings: Settings, now: datetime
    ) -> _Known:
        edition = current_edition(settings.locations.published)
        subjects = read_subjects(session, now, team.model_id)
        return cls(subjects, edition.ranking() if edition else None, team, settings.advice)

    def answer(self, question: AdviceQuestion) -> Advice:
        """Raises RequestError for a use case or model that is not known."""
        task_type = self.config.task_type(question.use_case)
        judged = (
            _with_quality(self.subjects, task_type, self.ranking) if self.ranking else self.subjects
        )
        return advise(
            question.use_case,
            judged[_current(question, self.team, self.subjects)],
            list(judged.values()),
            self.config,
            question.max_candidates,
        )


def answer(
    session: Session,
    question: AdviceQuestion,
    team: ModelsConfig,
    settings: Settings,
    now: datetime,
) -> Advice:
    """The advice; raises RequestError for a use case or model that is not known."""
    return _Known.read(session, team, settings, now).answer(question)


def propose_each(
    session: Session,
    questions: Sequence[AdviceQuestion],
    team: ModelsConfig,
    settings: Settings,
    now: datetime,
) -> Iterator[Advice | Unanswered]:
    """Store the advice on each question, from one reading of the store and of the current edition; what
    is wrong with one question costs none of the others its answer."""
    known = _Known.read(session, team, settings, now)
    for question in questions:
        try:
            advice = known.answer(question)
            with session.begin_nested():
                propose_all(session, advice, settings, now)
        except _OF_ONE_QUESTION as error:
            yield Unanswered(question.use_case, f"{type(error).__name__}: {error}")
        else:
            yield advice


def propose_all(
    session: Session, advice: Advice, settings: Settings, now: datetime
) -> dict[str, int]:
    """Store what is advised, each model once for the same reasons; the id of its recommendation by
    model."""
    return {
        found.candidate.model_id: propose(session, advice.use_case, found, settings.advice, now).id
        for found in advice.candidates
    }


def _current(question: AdviceQuestion, team: ModelsConfig, known: Mapping[str, Subject]) -> str:
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
