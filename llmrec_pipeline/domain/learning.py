"""How well each model does in each use case: what benchmarks say, corrected by our own outcomes.

An outcome is a score from 0 (failed) to 1 (succeeded) of one model in one use case: a person's
feedback, a call's success, an evaluation. With `y` its score and `p` the prior's success rate,

    y = p + level + use case + model + own + noise

where each effect is normal around 0 and `own` belongs to one model in one use case. The noise has
variance s, own s / pseudo_observations, and the others what config/learning.yaml gives them in that
unit. The calibrated prior is p with level, use case and model as all outcomes tell them; it is then
worth pseudo_observations outcomes:

    used = (pseudo_observations * calibrated prior + sum of y) / (pseudo_observations + number of y)

So level and use case calibrate the prior to what succeeds here, and what a model shows in one use
case, beyond the level of that use case, is a hint for the others. Models are thereby compared
within one use case alone: that hard work goes to strong models makes no strong model look weak.
Within a use case that remedy ends: who is given the harder half of it looks worse than he is.

Belongs here: the estimate and its words. Does not belong here: where outcomes come from, policies
(`domain.learning_simulation`), and what is done with an estimate. numpy is imported late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrec_pipeline.domain.confidence import two_sided_quantile
from llmrec_pipeline.domain.learning_config import LearningConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A rate of 0 or 1 has no spread, yet a handful of outcomes does not prove one.
_LEAST_SPREAD = 0.05
# Variance of an outcome that may as well fail as succeed.
_DOUBTFUL = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """`count` outcomes of one model in one use case; `score`, from 0 to 1, is their mean."""

    use_case: str
    model: str
    score: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """A model's success rate in a use case: by benchmarks alone; by benchmarks as all `calibrating`
    outcomes, of every model and use case, calibrate them (`prior`); by its own `outcomes` (None
    without any; `own_error` is the standard error of their mean); and the one that is used, with its
    interval: the mean of the prior, which counts as `prior_weight` outcomes, and its own. Rates are
    from 0 to 1."""

    benchmark: float
    calibrating: int
    prior: float
    prior_weight: float
    outcomes: int
    own: float | None
    own_error: float | None
    used: float
    low: float
    high: float

    @property
    def correction(self) -> float:
        """What outcomes add to the rate that benchmarks say."""
        return self.used - self.benchmark

    @property
    def text(self) -> str:
        """Prior, outcomes and what is used, in one line."""
        said = f"benchmarks say {self.prior:.2f}"
        if self.calibrating:
            said += f" ({self.benchmark:.2f} before {self.calibrating} outcomes calibrated them)"
        used = f"used {self.used:.2f} ({self.low:.2f} to {self.high:.2f})"
        if self.own is None or self.own_error is None:
            return f"{said}, no outcomes of our own, {used}"
        return f"{said}, our {self.outcomes} outcomes say {self.own:.2f} ± {self.own_error:.2f}, {used}"

    def to_mapping(self) -> dict[str, Any]:
        """The estimate as JSON."""
        return {
            "benchmark": self.benchmark,
            "calibration": {"shift": self.prior - self.benchmark, "outcomes": self.calibrating},
            "prior": self.prior,
            "prior_weight": self.prior_weight,
            "outcomes": self.outcomes,
            "own": self.own,
            "own_error": self.own_error,
            "used": self.used,
            "low": self.low,
            "high": self.high,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Effects:
    """Variances of the effects, in units of the noise's."""

    level: float
    use_case: float
    model: float
    own: float

    @classmethod
    def of(cls, config: LearningConfig, use_case_doubt: float) -> Effects:
        """The configured ones; `use_case_doubt` is that of the prior's kind."""
        unit = 1.0 / config.pseudo_observations
        doubt = config.doubt
        return cls(doubt.level * unit, use_case_doubt * unit, doubt.model * unit, unit)


class Posterior(NamedTuple):
    """Mean and standard deviation, the latter in units of the noise's; shaped as the counts."""

    mean: Floats
    deviation: Floats


class Blend(NamedTuple):
    """The calibrated prior, its mean with a cell's own outcomes, and the standard deviation of that
    in units of the noise's; each shaped as the counts."""

    prior: Floats
    mean: Floats
    deviation: Floats


def blend(prior: Floats, counts: Floats, totals: Floats, effects: Effects) -> Blend:
    """The success rate of every model in every use case; arguments as those of `posterior`.

    The mean is that of `posterior`, as long as the calibrated prior is a rate.
    """
    import numpy as np

    found = posterior(prior, counts, totals, effects)
    weight = 1.0 / effects.own
    calibrated = np.clip(((weight + counts) * found.mean - totals) / weight, 0.0, 1.0)
    return Blend(calibrated, (weight * calibrated + totals) / (weight + counts), found.deviation)


def posterior(prior: Floats, counts: Floats, totals: Floats, effects: Effects) -> Posterior:
    """The success rate of every model in every use case by the whole normal model.

    `prior` is use cases by models; `counts` and `totals` (sums of scores) have the same two last
    axes, and any before them, each a world of its own. Exact: `own` is taken out cell by cell, the
    few effects that cells share are then one small linear system.
    """
    import numpy as np

    own = effects.own
    # A cell's mean tells of what it shares with others, less its own effect and the noise.
    weight = counts / (1.0 + own * counts)
    surprise = (totals - counts * prior) / (1.0 + own * counts)
    covariance = _covariance_of_shared(weight, effects)
    shared = np.einsum("...ij,...j->...i", covariance, _per_effect(surprise))
    use_cases = prior.shape[-2]
    common = shared[..., :1, None] + shared[..., 1 : 1 + use_cases, None]
    common = common + shared[..., None, 1 + use_cases :]
    kept = own * weight  # the share of a cell's own surprise that is believed
    mean = prior + common + own * (surprise - weight * common)
    doubt_of_shared = _variance_of_sums(covariance, use_cases)
    variance = own * (1.0 - kept) + (1.0 - kept) ** 2 * doubt_of_shared
    return Posterior(mean, np.sqrt(variance))


def _per_effect(cells: Floats) -> Floats:
    """Sums over the cells that each effect touches: level, use cases, models."""
    import numpy as np

    return np.concatenate([cells.sum((-2, -1))[..., None], cells.sum(-1), cells.sum(-2)], axis=-1)


def _covariance_of_shared(weight: Floats, effects: Effects) -> Floats:
    """Of level, use cases and models. An effect without variance is held at 0."""
    import numpy as np

    *worlds, use_cases, models = weight.shape
    variances = np.array(
        [effects.level, *[effects.use_case] * use_cases, *[effects.model] * models]
    )
    size = len(variances)
    precision = np.zeros((*worlds, size, size))
    of_effect = _per_effect(weight)
    diagonal = np.arange(size)
    precision[..., diagonal, diagonal] = of_effect
    precision[..., 0, 1:] = precision[..., 1:, 0] = of_effect[..., 1:]
    precision[..., 1 : 1 + use_cases, 1 + use_cases :] = weight
    precision[..., 1 + use_cases :, 1 : 1 + use_cases] = np.swapaxes(weight, -1, -2)
    # (V^-1 + P)^-1 written so that a variance of 0 divides nothing.
    root = np.sqrt(variances)
    scaled = root[:, None] * precision * root + np.eye(size)
    inverse: Floats = root[:, None] * np.linalg.inv(scaled) * root
    return inverse


def _variance_of_sums(covariance: Floats, use_cases: int) -> Floats:
    """Of level + use case + model, for every cell."""
    import numpy as np

    diagonal = np.diagonal(covariance, axis1=-2, axis2=-1)
    level = covariance[..., 0, :]
    by_use_case = diagonal[..., 1 : 1 + use_cases] + 2 * level[..., 1 : 1 + use_cases]
    by_model = diagonal[..., 1 + use_cases :] + 2 * level[..., 1 + use_cases :]
    crossed = 2 * covariance[..., 1 : 1 + use_cases, 1 + use_cases :]
    total: Floats = (
        diagonal[..., :1, None] + by_use_case[..., :, None] + by_model[..., None, :] + crossed
    )
    return total


def estimates(
    prior: Mapping[tuple[str, str], float],
    outcomes: Iterable[Outcome],
    config: LearningConfig,
    use_case_doubt: float,
) -> dict[tuple[str, str], Estimate]:
    """The estimate of every (use case, model) of the prior. Outcomes of others are left out: there
    is nothing to correct."""
    import numpy as np

    use_cases = sorted({use_case for use_case, _ in prior})
    models = sorted({model for _, model in prior})
    row, column = _places(use_cases), _places(models)
    rates = np.full((len(use_cases), len(models)), np.nan)
    for (use_case, model), rate in prior.items():
        rates[row[use_case], column[model]] = rate
    told = np.zeros((3, *rates.shape))
    for outcome in outcomes:
        if (outcome.use_case, outcome.model) in prior:
            cell = row[outcome.use_case], column[outcome.model]
            sums = (1.0, outcome.score, _mean_square(outcome))
            told[(slice(None), *cell)] += outcome.count * np.array(sums)
    counts, totals, squares = told
    effects = Effects.of(config, use_case_doubt)
    found = blend(np.nan_to_num(rates), counts, totals, effects)
    every = int(counts.sum())
    reach = two_sided_quantile(config.confidence)

    def estimate(use_case: str, model: str) -> Estimate:
        cell = row[use_case], column[model]
        used = float(found.mean[cell])
        half = reach * float(found.deviation[cell]) * noise(used)
        n = int(counts[cell])
        own = float(totals[cell]) / n if n else None
        return Estimate(
            benchmark=float(rates[cell]),
            calibrating=every,
            prior=float(found.prior[cell]),
            prior_weight=config.pseudo_observations,
            outcomes=n,
            own=own,
            own_error=None if own is None else _error_of_mean(n, own, float(squares[cell]) / n),
            used=used,
            low=max(0.0, used - half),
            high=min(1.0, used + half),
        )

    return {cell: estimate(*cell) for cell in prior}


def noise(rate: float) -> float:
    """Standard deviation of one outcome at a success rate; that of a graded score is smaller."""
    return max(_LEAST_SPREAD, sqrt(max(0.0, rate * (1.0 - rate))))


def _mean_square(outcome: Outcome) -> float:
    """Several outcomes that are known by their mean alone are successes and failures."""
    return outcome.score if outcome.count > 1 else outcome.score**2


def _error_of_mean(n: int, mean: float, mean_square: float) -> float:
    """Standard error; one doubtful outcome is added, so that few equal scores prove nothing."""
    variance = (n * max(0.0, mean_square - mean**2) + _DOUBTFUL) / (n + 1)
    return sqrt(variance / n)


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: at for at, name in enumerate(names)}
