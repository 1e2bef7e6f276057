"""What learning from outcomes would have gained: policies that choose one model a prompt and see
its score alone, over a table in which every model's score on every prompt is known.

    static_prior      the best model of each task type by the prior, for good
    best_single       the one model that is best over all prompts (known only in hindsight)
    flat_thompson     Thompson sampling with Beta(1, 1), without a prior
    posterior_mean    the served order: the best model by `domain.learning.blend`
    residual_linucb   the same, with a bonus for models that little is known of; not served
    best_per_task     the best model of each task type (hindsight)
    oracle            the best model of each prompt (hindsight)

All policies meet the same prompts in the same order. Scores are from 0 to 1. A log of real choices
is replayed: each outcome is predicted from those before it.

Belongs here: the policies and their figures. Does not belong here: reading tables, printing. numpy
is imported late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from llmrec_pipeline.domain.learning import Effects, Outcome, blend
from llmrec_pipeline.domain.learning_config import LearningConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

STATIC, SERVED, LINUCB = "static_prior", "posterior_mean", "residual_linucb"
BEST_SINGLE, THOMPSON = "best_single", "flat_thompson"
BEST_PER_TASK, ORACLE = "best_per_task", "oracle"
EARLY, LATE = 100, 500
GAIN_GOAL, LOSS_ALLOWED = 0.02, 0.005
_FLAT = 0.5
_LEAST_PROBABILITY = 0.01


@dataclass(frozen=True)
class OutcomeMatrix:
    """Every model's score on every prompt: `scores` is prompts by models, `tasks` each prompt's
    place in `task_types`."""

    task_types: tuple[str, ...]
    models: tuple[str, ...]
    tasks: Places
    scores: Floats

    @property
    def means(self) -> Floats:
        """Mean score by task type and model."""
        import numpy as np

        rows = [self.scores[self.tasks == at].mean(axis=0) for at in range(len(self.task_types))]
        return np.array(rows)


class Prior(NamedTuple):
    """Success rates by task type and model, where they come from, and how many of them stand for
    a rate that nobody told."""

    rates: Floats
    source: str
    filled: int


def prior_of(told: Mapping[tuple[str, str], float], matrix: OutcomeMatrix) -> Prior:
    """What a table of means says. A model without a mean for a task type has the mean of its others,
    one without any the mean of the task type's models."""
    import numpy as np

    rates = np.array(
        [[told.get((task, m), np.nan) for m in matrix.models] for task in matrix.task_types]
    )
    missing = np.isnan(rates)
    return Prior(_filled(rates), "file", int(missing.sum()))


def prior_of_other_tasks(matrix: OutcomeMatrix) -> Prior:
    """A model's mean over the other task types of the table: like a benchmark, it knows the model
    and not the work. With a single task type there is none, and all models are alike."""
    import numpy as np

    means = matrix.means
    count = len(matrix.task_types)
    if count == 1:
        return Prior(np.full_like(means, _FLAT), "flat", means.size)
    return Prior((means.sum(axis=0) - means) / (count - 1), "other_task_types", 0)


def _filled(rates: Floats) -> Floats:
    import numpy as np

    known = ~np.isnan(rates)
    values = np.where(known, rates, 0.0)
    whole = values.sum() / max(1, known.sum()) if known.any() else _FLAT

    def means(axis: int) -> Floats:
        counts = known.sum(axis, keepdims=True)
        sums = values.sum(axis, keepdims=True)
        found: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return found

    of_model, of_task = means(0), means(1)
    otherwise = np.where(np.isnan(of_model), of_task, of_model)
    return np.where(known, rates, np.where(np.isnan(otherwise), whole, otherwise))


class Policy(Protocol):
    """Chooses for as many worlds as there are seeds, at once."""

    def choose(self, tasks: Places, prompts: Places) -> Places:
        """The model for the prompt of each world, which is of that task type."""
        ...

    def learn(self, tasks: Places, models: Places, scores: Floats) -> None:
        """The score of what was chosen."""
        ...


class _Fixed:
    """Knows its choice for every task type or prompt from the start."""

    def __init__(self, choices: Places, *, by_prompt: bool = False) -> None:
        self._choices, self._by_prompt = choices, by_prompt

    def choose(self, tasks: Places, prompts: Places) -> Places:
        chosen: Places = self._choices[prompts if self._by_prompt else tasks]
        return chosen

    def learn(self, tasks: Places, models: Places, scores: Floats) -> None:
        """Nothing."""


class _Counting:
    """Keeps number and sum of the scores, by world, task type and model."""

    def __init__(self, worlds: int, shape: tuple[int, ...]) -> None:
        import numpy as np

        self._worlds = np.arange(worlds)
        self._counts = np.zeros((worlds, *shape))
        self._totals = np.zeros((worlds, *shape))

    def learn(self, tasks: Places, models: Places, scores: Floats) -> None:
        cells = self._worlds, tasks, models
        self._counts[cells] += 1.0
        self._totals[cells] += scores


class _Thompson(_Counting):
    def __init__(self, worlds: int, shape: tuple[int, ...], seed: int) -> None:
        import numpy as np

        super().__init__(worlds, shape)
        self._dice = np.random.default_rng(seed)

    def choose(self, tasks: Places, prompts: Places) -> Places:  # noqa: ARG002
        won = self._totals[self._worlds, tasks]
        lost = self._counts[self._worlds, tasks] - won
        chosen: Places = self._dice.beta(1.0 + won, 1.0 + lost).argmax(axis=1)
        return chosen


class _Posterior(_Counting):
    """The highest posterior mean, with so many standard deviations in advance."""

    def __init__(self, worlds: int, prior: Floats, config: LearningConfig, alpha: float) -> None:
        super().__init__(worlds, prior.shape)
        self._prior, self._alpha = prior, alpha
        self._effects = Effects.of(config, config.use_case_doubt.of_rates)
        self._noise = _spread(prior)

    def choose(self, tasks: Places, prompts: Places) -> Places:  # noqa: ARG002
        found = blend(self._prior, self._counts, self._totals, self._effects)
        value = found.mean[self._worlds, tasks]
        if self._alpha:
            value = value + self._alpha * self._noise * found.deviation[self._worlds, tasks]
        chosen: Places = value.argmax(axis=1)
        return chosen


def _spread(prior: Floats) -> float:
    """Standard deviation of one outcome at the prior's mean rate."""
    rate = min(0.95, max(0.05, float(prior.mean())))
    return sqrt(rate * (1.0 - rate))


def simulate(
    matrix: OutcomeMatrix, prior: Prior, config: LearningConfig, rounds: int, seeds: int
) -> dict[str, Any]:
    """Mean reward of each policy in the first 100 rounds, the last 500 and all, with the standard
    error over the seeds, and whether the served order gains what it should."""
    import numpy as np

    prompts = np.random.default_rng(seeds).integers(0, len(matrix.tasks), (rounds, seeds))
    rewards = {
        name: _rewards(matrix, policy, prompts)
        for name, policy in _policies(matrix, prior, config, seeds).items()
    }
    gains = {name: _windows(rewards[name] - rewards[STATIC]) for name in rewards if name != STATIC}
    served = gains[SERVED]
    return {
        "policies": {name: _windows(reward) for name, reward in rewards.items()},
        "gain_over_static_prior": gains,
        "goals": {
            f"last {LATE}: at least {GAIN_GOAL} above the static prior": (
                served["last"]["mean"] >= GAIN_GOAL
            ),
            f"first {EARLY}: at most {LOSS_ALLOWED} below it": (
                served["first"]["mean"] >= -LOSS_ALLOWED
            ),
        },
    }


def _policies(
    matrix: OutcomeMatrix, prior: Prior, config: LearningConfig, seeds: int
) -> dict[str, Policy]:
    import numpy as np

    means, rates = matrix.means, prior.rates
    best = np.full(len(matrix.task_types), matrix.scores.mean(axis=0).argmax())
    return {
        STATIC: _Fixed(rates.argmax(axis=1)),
        BEST_SINGLE: _Fixed(best),
        THOMPSON: _Thompson(seeds, rates.shape, seeds),
        SERVED: _Posterior(seeds, rates, config, 0.0),
        LINUCB: _Posterior(seeds, rates, config, config.simulation.linucb_alpha),
        BEST_PER_TASK: _Fixed(means.argmax(axis=1)),
        ORACLE: _Fixed(matrix.scores.argmax(axis=1), by_prompt=True),
    }


def _rewards(matrix: OutcomeMatrix, policy: Policy, prompts: Places) -> Floats:
    """Rounds by seeds."""
    import numpy as np

    rewards = np.empty(prompts.shape)
    for number, drawn in enumerate(prompts):
        tasks = matrix.tasks[drawn]
        chosen = policy.choose(tasks, drawn)
        rewards[number] = matrix.scores[drawn, chosen]
        policy.learn(tasks, chosen, rewards[number])
    return rewards


def _windows(rewards: Floats) -> dict[str, dict[str, float]]:
    parts = {"first": rewards[:EARLY], "last": rewards[-LATE:], "all": rewards}
    return {name: _mean_and_error(part.mean(axis=0)) for name, part in parts.items()}


def _mean_and_error(by_seed: Floats) -> dict[str, float]:
    n = len(by_seed)
    error = float(by_seed.std(ddof=1)) / sqrt(n) if n > 1 else 0.0
    return {"mean": float(by_seed.mean()), "se": error}


def replay(
    log_of_outcomes: Sequence[Outcome],
    told: Mapping[tuple[str, str], float],
    config: LearningConfig,
) -> dict[str, Any]:
    """A log, oldest first: each outcome is predicted from those before it by the prior, by the
    plain mean of the model's outcomes so far, and by the posterior.

    `brier` is the mean squared error and `log_loss` the mean logarithmic loss, both better when
    lower. `agreed` is the mean score of the outcomes whose model is the policy's own choice among
    the models of the log: what following it would have scored, if models had been drawn by lot.
    """
    import numpy as np

    use_cases = tuple(dict.fromkeys(outcome.use_case for outcome in log_of_outcomes))
    models = tuple(dict.fromkeys(outcome.model for outcome in log_of_outcomes))
    shape = OutcomeMatrix(use_cases, models, np.array([], dtype=np.intp), np.empty((0, 0)))
    prior = prior_of(told, shape)
    effects = Effects.of(config, config.use_case_doubt.of_rates)
    counts, totals = np.zeros(prior.rates.shape), np.zeros(prior.rates.shape)
    predictors: dict[str, Callable[[], Floats]] = {
        STATIC: lambda: prior.rates,
        "own_mean": lambda: np.where(counts > 0, totals / np.maximum(counts, 1), prior.rates),
        SERVED: lambda: blend(prior.rates, counts, totals, effects).mean,
    }
    scored: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in predictors}
    for outcome in log_of_outcomes:
        row, column = use_cases.index(outcome.use_case), models.index(outcome.model)
        for name, predict in predictors.items():
            rates = predict()[row]
            scored[name].append((float(rates[column]), outcome.score, rates.argmax() == column))
        counts[row, column] += 1.0
        totals[row, column] += outcome.score
    return {
        "outcomes": len(log_of_outcomes),
        "prior_filled": prior.filled,
        "predictors": {name: _prediction(rows) for name, rows in scored.items()},
    }


def _prediction(rows: Iterable[tuple[float, float, bool]]) -> dict[str, float | int | None]:
    told = list(rows)
    agreed = [score for _, score, is_own_choice in told if is_own_choice]
    return {
        "brier": sum((rate - score) ** 2 for rate, score, _ in told) / len(told),
        "log_loss": sum(_log_loss(rate, score) for rate, score, _ in told) / len(told),
        "agreed": sum(agreed) / len(agreed) if agreed else None,
        "agreed_outcomes": len(agreed),
    }


def _log_loss(rate: float, score: float) -> float:
    held = min(1.0 - _LEAST_PROBABILITY, max(_LEAST_PROBABILITY, rate))
    return -(score * log(held) + (1.0 - score) * log(1.0 - held))
