"""What our own outcomes say, over one edition: an answer in the order that they teach, and a served
one made anew. Rests on `domain.learned_ranking`; never switches anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmrec_pipeline.domain.learned_ranking import learned_of, reranked
from llmrec_pipeline.domain.learning import Outcome
from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.domain.task_profile import TaskProfile, Tasks
from llmrec_pipeline.serving.answering import (
    OF_TEXT,
    Answered,
    Question,
    Ranking,
    Way,
    answer_question,
    ranking_of,
)


@dataclass(frozen=True)
class OutcomeBook:
    """Outcomes beside an edition's standings; what is learned of a use case is worked out once.
    `task_type_of` tells the task type of a use case that is none itself."""

    payload: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    config: LearningConfig
    task_type_of: Callable[[str], str]
    _learned: dict[tuple[str, str], dict[str, Any] | None] = field(default_factory=dict)

    def learned(self, use_case: str | None, task_type: str) -> dict[str, Any] | None:
        """What outcomes say in a use case, which is of that task type; see `learned_of`."""
        named = use_case or task_type
        if (named, task_type) not in self._learned:
            self._learned[named, task_type] = self._of(named, task_type)
        return self._learned[named, task_type]

    def _of(self, use_case: str, task_type: str) -> dict[str, Any] | None:
        if not any(outcome.use_case == use_case for outcome in self.outcomes):
            return None
        redirects = self.payload.get("key_redirects", {})
        told = [replace(o, model=redirects.get(o.model, o.model)) for o in self.outcomes]
        standings = self.payload["consensus"]["task_types"]
        task_types = {o.use_case: self._task_type(o.use_case) for o in told} | {use_case: task_type}
        by_use_case = {
            case: {key: row[0] for key, row in standings.get(kind, {}).items()}
            for case, kind in task_types.items()
        }
        return learned_of(use_case, by_use_case, told, self.config)

    def _task_type(self, use_case: str) -> str:
        if use_case in self.payload["tasks"]["task_types"]:
            return use_case
        return self.task_type_of(use_case)


def answer_with_learned(
    payload: Mapping[str, Any],
    question: Question,
    learned_of_task: Callable[[str | None, str], Mapping[str, Any] | None],
    tasks: Tasks | None = None,
    rank: Ranking | None = None,
) -> tuple[Answered, Mapping[str, Any] | None]:
    """The answer, re-ranked where there are outcomes, and what they say; `tasks` and `rank` as in
    `answer_question`. Raises RequestError."""
    found = answer_question(payload, question, tasks, rank)
    learned = learned_of_task(question.use_case, found.answer["task_profile"]["task_type"])
    if learned is None:
        return _without_outcomes(found, question.use_case), None
    ranking = rank or ranking_of(payload)
    answer = _learned_answer(payload, found.profile, found.way, found.told, learned, ranking)
    return found._replace(answer=answer), learned


def _without_outcomes(found: Answered, use_case: str | None) -> Answered:
    """The answer; where a use case was named, it notes that it has no outcomes."""
    if use_case is None:
        return found
    note = (
        f"use_case {use_case}: no outcomes of a ranked model, so the benchmarks alone rank; report "
        "some as feedback"
    )
    told = {**found.told, "notes": [*found.told["notes"], note]}
    return found._replace(told=told, answer={**found.answer, **told})


def _learned_answer(
    payload: Mapping[str, Any],
    profile: TaskProfile,
    way: Way,
    told: Mapping[str, Any],
    learned: Mapping[str, Any],
    rank: Ranking,
) -> dict[str, Any]:
    every = way._replace(topk=max(1, len(payload["models"])))
    return reranked({**rank(profile, every), **told}, learned, way.topk)


def replayed(
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
    way: Mapping[str, Any],
    learned: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A served answer made anew from its edition's payload, its profile and way, and what had been
    learned. What it told of its text, and the sources' origins, which change as time goes by, are
    taken from it."""
    then = {**payload, "origins": answer["origins"]}
    profile = TaskProfile.from_mapping(answer["task_profile"])
    again = Way(**{**way, "capabilities": tuple(way["capabilities"])})
    told = {name: answer[name] for name in OF_TEXT}
    rank = ranking_of(then)
    if learned is None:
        return {**rank(profile, again), **told}
    return _learned_answer(then, profile, again, told, learned, rank)
