"""Whole rankings in columns: the models of a task type, prepared once and ranked under any weights.

In: an edition's ranking payload, as `ranking.recommend` describes it. Out: rows of `task_rankings`,
or rows with their scores, without constraints, best first, equal scores by key; equal to the bit to
what `recommend` gives. numpy is imported late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrec_pipeline.domain.candidates import Candidate, select
from llmrec_pipeline.domain.ranking_basis import Choice, basis_of, choice_of, rows_of
from llmrec_pipeline.domain.scorers import Row, scorer_of
from llmrec_pipeline.domain.scoring.weighted import Scored, Weights
from llmrec_pipeline.domain.task_profile import TaskProfile, Tasks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from llmrec_pipeline.domain.scorers import ScoredColumns


class RankingPool(NamedTuple):
    """The measured candidates of a task type, by key, prepared for scoring under any weights."""

    task_type: str
    scorer: str
    rows: list[Row]
    scored: ScoredColumns

    @classmethod
    def of(
        cls,
        payload: Mapping[str, Any],
        task_type: str,
        *,
        scorer: str | None = None,
        quality_basis: str | None = None,
        missing_policy: str | None = None,
    ) -> RankingPool:
        """The pool of a task type; what is not stated is as configured. Raises RequestError for an
        unknown scorer, basis, policy or task type."""
        tasks = Tasks.from_mapping(payload["tasks"])
        choice = choice_of(tasks, scorer, quality_basis, missing_policy)
        return _pool(choice, payload, _all_candidates(payload), task_type, tasks)

    def ranked(self, weights: Weights, topk: int | None = None) -> list[tuple[Row, float]]:
        """The rows with their scores, best first; at most `topk`, which is 1 or more."""
        scores = self.scored(weights).score
        return [(self.rows[at], float(scores[at])) for at in _best_first(scores, topk)]

    def ranking_rows(self, weights: Weights) -> list[dict[str, Any]]:
        """All of it as rows of `records.TASK_RANKINGS`, but for `priority`."""
        scored = self.scored(weights)
        norms = [Scored(*values) for values in zip(*(c.tolist() for c in scored), strict=True)]
        return [
            self._ranking_row(rank, self.rows[at], norms[at])
            for rank, at in enumerate(_best_first(scored.score), start=1)
        ]

    def _ranking_row(self, rank: int, row: Row, scored: Scored[float]) -> dict[str, Any]:
        candidate, measure = row.candidate, row.reading.measure
        return {
            "task_type": self.task_type,
            "scorer": self.scorer,
            "rank": rank,
            "canonical_model_key": candidate.key,
            "offering_key": candidate.offering.get("offering_key"),
            "model_name": candidate.model["model_name"],
            "provider": candidate.model["provider"],
            "score": scored.score,
            "quality_norm": scored.quality,
            "speed_norm": scored.speed,
            "cost_norm": scored.cost,
            "basis_source": measure.source,
            "basis_column": measure.column,
            "basis_index_version": measure.index_version,
        }


def task_rankings(
    payload: Mapping[str, Any],
    *,
    scorers: Iterable[str] | None = None,
    quality_basis: str | None = None,
    missing_policy: str | None = None,
) -> list[dict[str, Any]]:
    """Every task type under every priority: rows of `records.TASK_RANKINGS`.

    `scorers` defaults to the configured one. Raises RequestError as `RankingPool.of`.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    return [
        {"task_type": pool.task_type, "priority": priority, **row}
        for scorer in (scorers or (tasks.scorer,))
        for pool in pools(
            payload, scorer=scorer, quality_basis=quality_basis, missing_policy=missing_policy
        )
        for priority in tasks.priorities
        for row in pool.ranking_rows(tasks.weights(priority))
    ]


def pools(
    payload: Mapping[str, Any],
    *,
    scorer: str | None = None,
    quality_basis: str | None = None,
    missing_policy: str | None = None,
) -> Iterator[RankingPool]:
    """The pool of every task type, as `RankingPool.of` makes it."""
    tasks = Tasks.from_mapping(payload["tasks"])
    choice = choice_of(tasks, scorer, quality_basis, missing_policy)
    candidates = _all_candidates(payload)
    for task_type in tasks.task_types:
        yield _pool(choice, payload, candidates, task_type, tasks)


def _all_candidates(payload: Mapping[str, Any]) -> list[Candidate]:
    """Those of a profile without constraints, whatever its task type."""
    return select(payload, TaskProfile("general", 1.0, 0.0, 0.0)).candidates


def _pool(
    choice: Choice,
    payload: Mapping[str, Any],
    candidates: Sequence[Candidate],
    task_type: str,
    tasks: Tasks,
) -> RankingPool:
    rows = rows_of(candidates, basis_of(choice, payload, candidates, task_type, tasks))
    used = scorer_of(choice.scorer, payload, choice.policy, candidates, rows)
    return RankingPool(task_type, choice.scorer, rows, used.in_columns(rows))


def _best_first(scores: NDArray[np.float64], topk: int | None = None) -> list[int]:
    """Places of the highest scores, highest first; of equal ones the first place comes first, which
    is the first key."""
    import numpy as np

    if topk is not None and topk < len(scores):
        least = np.partition(scores, -topk)[-topk]
        (places,) = np.nonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    ordered: list[int] = places[np.argsort(-scores[places], kind="stable")][:topk].tolist()
    return ordered
