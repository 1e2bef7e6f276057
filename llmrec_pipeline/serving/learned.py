"""What our own outcomes say, over one edition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmrec_pipeline.domain.learned_ranking import learned_of, reranked
from llmrec_pipeline.domain.learning import Outcome
from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.domain.task_profile import Tasks
from llmrec_pipeline.serving.answering import Answered, Question, Ranking, answer_question


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
        return found, None
    every = replace(question, topk=max(1, len(payload["models"])))
    whole = answer_question(payload, every, tasks, rank).answer
    return found._replace(answer=reranked(whole, learned, question.topk)), learned


def replayed(payload: Mapping[str, Any], record: Mapping[str, Any], origins: Any) -> dict[str, Any]:
    """A served answer made anew from its edition's payload, its question, and what had been learned;
    `origins` are those that it told, since they change as time goes by."""
    question = Question.from_mapping(record["question"])
    then = {**payload, "origins": origins}
    found, _ = answer_with_learned(then, question, lambda *_: record["learned"])
    return found.answer
