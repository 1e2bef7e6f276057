"""How good a way of ranking is, told from data: each measure in turn is held out and predicted from
the others, weights are changed a little, and models are added to see whether anybody else changes
places.

Belongs here: the figures. Does not belong here: the rankings that are judged (`domain.consensus`,
`domain.ranking_pool`), and printing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import fsum, sqrt
from typing import Any, NamedTuple

from llmrec_pipeline.domain.candidates import Candidate, own_offering, select
from llmrec_pipeline.domain.consensus import (
    METHODS,
    Consensus,
    MeasureReading,
    consensus,
    measure_weights,
    spoken_measures,
)
from llmrec_pipeline.domain.consensus_config import ConsensusConfig, Method
from llmrec_pipeline.domain.measure_choice import Basis, measure_of_each_row, one_measure
from llmrec_pipeline.domain.populations import MeasureKey, Population
from llmrec_pipeline.domain.ranking_pool import RankingPool
from llmrec_pipeline.domain.robustness import stability
from llmrec_pipeline.domain.scorers import ANCHORED, SINGLE_MEASURE, WEIGHTED
from llmrec_pipeline.domain.task_profile import TaskProfile, Tasks

SMALLEST_FOLD = 8
"""A held-out measure with fewer models tells a correlation from chance badly."""

POOL_SIZE = 15
"""Models of a trial: about as many as a team's constraints leave."""

Ranked = Mapping[str, float]
"""Predicted quality by model key; who is not in it counts as last."""


class Fold(NamedTuple):
    """One held-out measure: Kendall's tau-b and the regret of the predicted first, by predictor.

    Regret is what the predicted first lacks to the best model of the fold, as a share of the range
    of the held-out values. All predictors are judged on the same `n` models: those that every
    consensus method places.
    """

    task_type: str
    held_out: MeasureKey
    n: int
    tau: dict[str, float]
    regret: dict[str, float]


class Robustness(NamedTuple):
    """Of trials with a scorer: the mean share of weight vectors within 20 % under which the first
    stays first, and the shares of trials in which adding one model changes the order of the others
    or which of them is first."""

    trials: int
    stability: float
    order_changes: float
    first_changes: float


@dataclass(frozen=True, slots=True)
class Data:
    """What is judged: the evidence of an edition and its ranking payload."""

    readings: Sequence[MeasureReading]
    populations: Mapping[MeasureKey, Population]
    payload: Mapping[str, Any]
    config: ConsensusConfig

    @property
    def tasks(self) -> Tasks:
        """The edition's task types and priorities."""
        return Tasks.from_mapping(self.payload["tasks"])

    @property
    def models(self) -> dict[str, str]:
        """Base model of each listed model."""
        return {
            model["canonical_model_key"]: model["base_model"]
            for model in self.payload["models"]
            if model["listed"]
        }


def folds(data: Data) -> Iterator[Fold]:
    """Each measure of each task type held out in turn; related ones only ever predict."""
    for task_type, task in data.tasks.task_types.items():
        weights = measure_weights(
            spoken_measures(data.readings, data.populations), task_type, task.columns, data.config
        )
        for measure in [measure for measure, weight in weights.items() if weight == 1.0]:
            fold = _fold(data, task_type, task.columns, weights, measure)
            if fold is not None:
                yield fold


def _fold(
    data: Data,
    task_type: str,
    columns: Sequence[str],
    weights: Mapping[MeasureKey, float],
    held_out: MeasureKey,
) -> Fold | None:
    others = {measure: weight for measure, weight in weights.items() if measure != held_out}
    truth = {r.key: r.value for r in data.readings if r.measure == held_out}
    predicted: dict[str, Ranked] = {
        method: _scores(_consensus_of(data, others, method)) for method in METHODS
    }
    keys = sorted(key for key in truth if all(key in found for found in predicted.values()))
    values = [truth[key] for key in keys]
    if len(keys) < SMALLEST_FOLD or min(values) == max(values):
        return None
    predicted |= _single_measures(data, task_type, columns, held_out)
    predicted[ANCHORED] = predicted[data.config.method]
    worst = float("-inf")
    guesses = {name: [found.get(key, worst) for key in keys] for name, found in predicted.items()}
    return Fold(
        task_type,
        held_out,
        len(keys),
        {name: kendall_tau(guess, values) for name, guess in guesses.items()},
        {name: top1_regret(guess, values) for name, guess in guesses.items()},
    )


def _consensus_of(data: Data, weights: Mapping[MeasureKey, float], method: Method) -> Consensus:
    """The consensus of these measures under a method."""
    return consensus(data.readings, data.populations, weights, data.models, data.config, method)


def robustness(data: Data, scorer: str, trials: int, seed: int = 0) -> Robustness:
    """Over random pools of priced models under every task type and priority in turn; the same pools
    for every scorer. ValueError where no task type has more than `POOL_SIZE` such models that the
    consensus places."""
    dice = random.Random(seed)  # noqa: S311 - trials, no secrets
    priced = [model for model in data.payload["models"] if _is_priced_and_listed(model)]
    of_type = {name: _judged(priced, data.payload, name) for name in data.tasks.task_types}
    enough = [name for name, models in of_type.items() if len(models) > POOL_SIZE]
    if not enough:
        raise ValueError(f"no task type has more than {POOL_SIZE} priced models with evidence")
    cases = list(product(enough, data.tasks.priorities))
    firm, order_changes, first_changes = [], 0, 0
    for trial in range(trials):
        task_type, priority = cases[trial % len(cases)]
        *pool, added = dice.sample(of_type[task_type], POOL_SIZE + 1)
        added_key = added["canonical_model_key"]
        weights = data.tasks.weights(priority)
        before, after = (
            RankingPool.of({**data.payload, "models": some}, task_type, scorer=scorer).ranking_rows(
                weights
            )
            for some in (pool, [*pool, added])
        )
        norms = [(row["quality_norm"], row["speed_norm"], row["cost_norm"]) for row in before]
        firm.append(stability(norms, weights).share)
        old, new = (
            [key for row in rows if (key := row["canonical_model_key"]) != added_key]
            for rows in (before, after)
        )
        order_changes += old != new
        first_changes += old[:1] != new[:1]
    return Robustness(trials, fsum(firm) / trials, order_changes / trials, first_changes / trials)


def consensus_order_changes(data: Data, method: Method, removals: int = 5) -> float:
    """The share of models whose evidence, added last, changes the order of the others in the
    consensus of a task type: of each task type, so many at even steps through the ranking."""
    changed, tried = 0, 0
    for task_type, task in data.tasks.task_types.items():
        weights = measure_weights(
            spoken_measures(data.readings, data.populations), task_type, task.columns, data.config
        )
        after = _order(_consensus_of(data, weights, method))
        for key in after[:: max(1, len(after) // removals)][:removals]:
            base = data.models[key]
            rest = [reading for reading in data.readings if reading.base_model != base]
            before = _order(_consensus_of(replace(data, readings=rest), weights, method))
            others = set(before)
            changed += before != [other for other in after if other in others]
            tried += 1
    return changed / tried if tried else 0.0


def _order(found: Consensus) -> list[str]:
    return [standing.canonical_model_key for standing in found.standings]


def _is_priced_and_listed(model: Mapping[str, Any]) -> bool:
    own = own_offering(model)
    prices = own.get("price_input_per_1m"), own.get("price_output_per_1m")
    return bool(model["listed"]) and None not in prices and not own["is_deprecated"]


def _judged(
    models: Sequence[Mapping[str, Any]], payload: Mapping[str, Any], task_type: str
) -> list[Mapping[str, Any]]:
    standings = payload["consensus"]["task_types"].get(task_type, {})
    return [model for model in models if model["canonical_model_key"] in standings]


def _scores(found: Consensus) -> Ranked:
    return {standing.canonical_model_key: standing.score for standing in found.standings}


def _single_measures(
    data: Data, task_type: str, columns: Sequence[str], held_out: MeasureKey
) -> dict[str, Ranked]:
    """What the scorers that rest on one value a model would compare, without the held-out one."""
    payload = _without_measure(data.payload, held_out)
    candidates = select(payload, TaskProfile(task_type, 1.0, 0.0, 0.0)).candidates
    one = one_measure(payload, candidates, columns, data.tasks.minimum_measured)
    each = measure_of_each_row(payload, candidates, columns)
    return {SINGLE_MEASURE: _read(candidates, one), WEIGHTED: _read(candidates, each)}


def _read(candidates: Sequence[Candidate], basis: Basis) -> Ranked:
    return {
        candidate.key: reading.value
        for candidate, reading in zip(candidates, basis.readings, strict=True)
        if reading is not None
    }


def _without_measure(payload: Mapping[str, Any], held_out: MeasureKey) -> dict[str, Any]:
    if held_out.category is not None:
        return dict(payload)

    def measures(model: Mapping[str, Any]) -> dict[str, Any]:
        return {
            column: {
                source: value
                for source, value in by_source.items()
                if (column, source) != (held_out.name, held_out.source)
            }
            for column, by_source in model["measures"].items()
        }

    models = [{**model, "measures": measures(model)} for model in payload["models"]]
    return {**payload, "models": models}


def kendall_tau(guess: Sequence[float], truth: Sequence[float]) -> float:
    """Kendall's tau-b: concordant less discordant pairs, over the geometric mean of the pairs that
    are no tie in either; 0 where all are ties."""
    import numpy as np

    signs = [np.sign(np.subtract.outer(values, values)) for values in map(_places, (guess, truth))]
    untied = [int(np.count_nonzero(sign)) for sign in signs]
    if not all(untied):
        return 0.0
    return float((signs[0] * signs[1]).sum()) / sqrt(untied[0] * untied[1])


def _places(values: Sequence[float]) -> list[int]:
    """The values as whole numbers in the same order, so that the infinite have differences too."""
    place = {value: at for at, value in enumerate(sorted(set(values)))}
    return [place[value] for value in values]


def top1_regret(guess: Sequence[float], truth: Sequence[float]) -> float:
    """What the predicted first lacks to the best, as a share of the range; of several firsts, the
    mean. ValueError where the truth has no range."""
    low, high = min(truth), max(truth)
    if low == high:
        raise ValueError("no regret where all are equally good")
    best = max(guess)
    firsts = [value for value, guessed in zip(truth, guess, strict=True) if guessed == best]
    return (high - fsum(firsts) / len(firsts)) / (high - low)
