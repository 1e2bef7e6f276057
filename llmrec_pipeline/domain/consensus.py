"""What all measures of all publishers together say of each model at a task type.

Each value is put on the scale of its measure's frozen population (`domain.populations`), less the
measure's offset, and a model's score is the weighted mean of its values drawn towards the middle:

    score = sum(w * x) / (sum(w) + shrinkage)
    interval = score -+ q * sqrt(sum(w * (between + stderr^2))) / sum(w)

`w` is the weight of the evidence, `between` the pooled variance of one model's values from measure
to measure, `stderr` the measure's own error, `q` the normal quantile of the confidence. A reading
of weight w has the variance of a full one divided by w; with n full readings the square under the
root over the square of n is `between / n` plus their mean squared error over n. One lonely measure
is wide, never tight.

Methods differ in x and in the offsets: `shrunk_z_mean` takes standard deviations, `rank_mean`
normal scores of the rank in the population, both without offsets; `two_way_fit` takes normal
scores less what the measure gives to the same models beside other measures, a two-way model
(value = model + measure): a place in the middle of a strong company is worth more than one among
the weak. Whatever is fitted is fitted to frozen populations alone, so that adding or removing a
model moves nobody else.

Pure and deterministic: sums are exact or in a fixed order, ties go to the key that comes first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import NamedTuple

from llmrec_pipeline.domain.confidence import two_sided_quantile
from llmrec_pipeline.domain.consensus_config import ConsensusConfig, Method
from llmrec_pipeline.domain.measure_choice import newest_version
from llmrec_pipeline.domain.populations import MeasureKey, Population
from llmrec_pipeline.domain.pulls import INFERRED_VERSION

METHODS: tuple[Method, ...] = ("shrunk_z_mean", "rank_mean", "two_way_fit")
MEASURED, UNVERIFIED = "measured", "unverified"
OTHER_VARIANT, INFERRED = "other_variant", "inferred"

# What is taken for `between` where no population shares two models with another one: standard
# deviations squared, as if measures had little to do with each other.
_UNKNOWN_BETWEEN = 1.0
# The two-way fit converges geometrically; what is left after so many rounds is below its noise.
_ROUNDS = 100


class MeasureReading(NamedTuple):
    """What a measure says of a model now: `value` in the measure's unit (more is better), `stderr`
    likewise where the publisher tells it."""

    key: str
    base_model: str
    measure: MeasureKey
    value: float
    stderr: float | None = None
    verified: bool = True


class Evidence(NamedTuple):
    """A measure behind a score, with its grade: measured, unverified (self-reported), inferred (at
    an index version that no publisher named) or other_variant."""

    measure: MeasureKey
    grade: str
    weight: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A model's place at a task type.

    `score`, `low` and `high` are in standard deviations. `rank_low` and `rank_high` are the best
    and the worst rank that the intervals allow: a model is surely ahead of another one where its
    interval lies wholly above the other's. Those that are neither ahead nor behind tie: `ties` of
    them. `evidence` is in order of the measures.
    """

    canonical_model_key: str
    score: float
    low: float
    high: float
    rank: int
    rank_low: int
    rank_high: int
    ties: int
    evidence: tuple[Evidence, ...]

    @property
    def n_measures(self) -> int:
        """How many measures it rests on."""
        return len(self.evidence)

    @property
    def publishers(self) -> list[str]:
        """Whose measures it rests on, by name."""
        return sorted({item.measure.source for item in self.evidence})


class Consensus(NamedTuple):
    """The models by rank, and those that have evidence of too little weight."""

    standings: list[Standing]
    left_out: list[str]


class Part(NamedTuple):
    """What one measure adds to a score: `x` on the common scale, the measure's `offset`, its
    `error` (a variance), and weight * (x - offset) / (sum of weights + shrinkage)."""

    evidence: Evidence
    x: float
    offset: float
    error: float
    contribution: float


class Breakdown(NamedTuple):
    """A model's score taken apart: the contributions sum to it. `between` is the pooled variance of
    one model's values from measure to measure."""

    score: float
    low: float
    high: float
    between: float
    parts: tuple[Part, ...]


class _Value(NamedTuple):
    """One reading on the common scale; `error` is its variance there."""

    x: float
    error: float
    evidence: Evidence


class _Fit(NamedTuple):
    """Offset of each measure and the variance between measures, from frozen populations."""

    offsets: Mapping[MeasureKey, float]
    between: float


def spoken_measures(
    readings: Iterable[MeasureReading], populations: Iterable[MeasureKey]
) -> list[MeasureKey]:
    """Of the measures with a population, those that say something now: one whose publisher has
    fallen silent moves nobody."""
    spoken = {reading.measure for reading in readings}
    return [measure for measure in populations if measure in spoken]


def measure_weights(
    measures: Iterable[MeasureKey],
    task_type: str,
    columns: Sequence[str],
    config: ConsensusConfig,
) -> dict[MeasureKey, float]:
    """Of these measures, those that speak of a task type, in a fixed order, with their weight.
    `columns` are the task type's index columns, the one that measures it first."""
    listed = [use for use in config.benchmarks if task_type in use.task_types]
    weights: dict[MeasureKey, float] = {}
    for measure in sorted(measures, key=lambda measure: measure.sort_key):
        if measure.category is None:
            if measure.name in columns:
                related = measure.name != columns[0]
                weights[measure] = config.weights.related if related else 1.0
        elif any(
            (use.source, use.name) == (measure.source, measure.name)
            and use.category in (None, measure.category)
            for use in listed
        ):
            weights[measure] = 1.0
    return weights


def current_readings(readings: Iterable[MeasureReading]) -> list[MeasureReading]:
    """Without those at an index version that another one has replaced: they are never averaged
    with the new ones."""
    found = list(readings)
    versions: dict[MeasureKey, list[str]] = defaultdict(list)
    for reading in found:
        if reading.measure.index_version is not None:
            unversioned = reading.measure._replace(index_version=None)
            versions[unversioned].append(reading.measure.index_version)
    newest = {measure: newest_version(told) for measure, told in versions.items()}
    return [
        reading
        for reading in found
        if reading.measure.index_version == newest.get(reading.measure._replace(index_version=None))
    ]


def consensus(
    readings: Sequence[MeasureReading],
    populations: Mapping[MeasureKey, Population],
    weights: Mapping[MeasureKey, float],
    models: Mapping[str, str],
    config: ConsensusConfig,
    method: Method | None = None,
) -> Consensus:
    """Rank models at a task type.

    `readings` are current ones, at most one of a model and measure; `weights` are those of
    `measure_weights`; `models` maps the key of every model that is to be ranked to its base model.
    A measure without a population of `minimum_population` models does not count. `method` defaults
    to the configured one.
    """
    values, fit = _prepared(readings, populations, weights, models, config, method)
    quantile = two_sided_quantile(config.confidence)
    scored: list[tuple[float, float, str, tuple[Evidence, ...]]] = []
    left_out: list[str] = []
    for key in sorted(models):
        own = values.get(key, [])
        if not own or fsum(value.evidence.weight for value in own) < config.minimum_evidence:
            left_out.append(key)
            continue
        score, error = _estimate(own, fit, config.shrinkage)
        scored.append((score, quantile * error, key, tuple(value.evidence for value in own)))
    return Consensus(_standings(scored), left_out)


def breakdown(
    key: str,
    readings: Sequence[MeasureReading],
    populations: Mapping[MeasureKey, Population],
    weights: Mapping[MeasureKey, float],
    models: Mapping[str, str],
    config: ConsensusConfig,
) -> Breakdown | None:
    """How `consensus` makes one model's score; None where no measure that counts speaks of it."""
    values, fit = _prepared(readings, populations, weights, models, config, None)
    own = values.get(key)
    if not own:
        return None
    score, error = _estimate(own, fit, config.shrinkage)
    half = two_sided_quantile(config.confidence) * error
    total = fsum(value.evidence.weight for value in own) + config.shrinkage
    parts = []
    for value in own:
        offset = fit.offsets.get(value.evidence.measure, 0.0)
        contribution = value.evidence.weight * (value.x - offset) / total
        parts.append(Part(value.evidence, value.x, offset, value.error, contribution))
    return Breakdown(score, score - half, score + half, fit.between, tuple(parts))


def _prepared(
    readings: Sequence[MeasureReading],
    populations: Mapping[MeasureKey, Population],
    weights: Mapping[MeasureKey, float],
    models: Mapping[str, str],
    config: ConsensusConfig,
    method: Method | None,
) -> tuple[dict[str, list[_Value]], _Fit]:
    """Each model's values, and the fit to the frozen populations of the measures that count."""
    method = method or config.method
    usable = {
        measure: weight
        for measure, weight in weights.items()
        if measure in populations and _tells(populations[measure], config)
    }
    frozen = {measure: populations[measure] for measure in usable}
    fit = _fitted(frozen, usable, config, method)
    return _values(readings, frozen, usable, models, config, method), fit


def _tells(population: Population, config: ConsensusConfig) -> bool:
    """Whether a population is large enough and tells its models apart."""
    values = {value for _, value in population.members}
    return len(population.members) >= config.minimum_population and len(values) > 1


def _scale_of(method: Method) -> Callable[[Population, float], float]:
    if method == "shrunk_z_mean":
        return lambda population, value: population.scale.standardised(value)
    return Population.normal_score


def _values(
    readings: Sequence[MeasureReading],
    populations: Mapping[MeasureKey, Population],
    weights: Mapping[MeasureKey, float],
    models: Mapping[str, str],
    config: ConsensusConfig,
    method: Method,
) -> dict[str, list[_Value]]:
    """Each model's values by measure: its own; of a model that no measure speaks of itself, the
    mean of its sibling variants'. Beside values of its own they would make a strong mode of a weak
    one, and every new variant would move the others."""
    common = _scale_of(method)
    own: dict[MeasureKey, dict[str, _Value]] = {measure: {} for measure in weights}
    of_base: dict[MeasureKey, dict[str, list[_Value]]] = {m: defaultdict(list) for m in weights}
    for reading in sorted(readings, key=lambda reading: reading.key):
        if reading.measure not in weights:
            continue
        population = populations[reading.measure]
        error = ((reading.stderr or 0.0) / population.scale.sd) ** 2
        grade, weight = _graded(reading, weights[reading.measure], config)
        value = _Value(
            common(population, reading.value), error, Evidence(reading.measure, grade, weight)
        )
        own[reading.measure][reading.key] = value
        of_base[reading.measure][reading.base_model].append(value)
    found: dict[str, list[_Value]] = defaultdict(list)
    measured = {key for values in own.values() for key in values}
    for measure in weights:
        for key, base_model in models.items():
            if key in own[measure]:
                found[key].append(own[measure][key])
            elif key not in measured and (siblings := of_base[measure].get(base_model)):
                found[key].append(_borrowed(siblings, config.weights.other_variant))
    return found


def _graded(reading: MeasureReading, weight: float, config: ConsensusConfig) -> tuple[str, float]:
    """A reading's grade, the weakest that holds, and what it weighs."""
    grade = MEASURED
    if (reading.measure.index_version or "").startswith(INFERRED_VERSION):
        grade, weight = INFERRED, weight * config.weights.inferred
    if not reading.verified:
        grade, weight = UNVERIFIED, weight * config.weights.unverified
    return grade, weight


def _borrowed(siblings: Sequence[_Value], weight: float) -> _Value:
    n = len(siblings)
    least = min(value.evidence.weight for value in siblings)
    return _Value(
        fsum(value.x for value in siblings) / n,
        fsum(value.error for value in siblings) / n,
        Evidence(siblings[0].evidence.measure, OTHER_VARIANT, least * weight),
    )


def _estimate(values: Sequence[_Value], fit: _Fit, shrinkage: float) -> tuple[float, float]:
    """Score and standard error of a model."""
    total = fsum(value.evidence.weight for value in values)
    weighted = fsum(
        value.evidence.weight * (value.x - fit.offsets.get(value.evidence.measure, 0.0))
        for value in values
    )
    variance = fsum(value.evidence.weight * (fit.between + value.error) for value in values)
    return weighted / (total + shrinkage), sqrt(variance) / total


def _fitted(
    populations: Mapping[MeasureKey, Population],
    weights: Mapping[MeasureKey, float],
    config: ConsensusConfig,
    method: Method,
) -> _Fit:
    """Offsets (two_way_fit) and pooled variance of the frozen populations.

    Minimises sum(w * (x - model - offset)^2) + shrinkage * sum(model^2) by turns; the term in
    `shrinkage` ties the scale down, since otherwise all models could rise and all offsets fall.
    """
    common = _scale_of(method)
    models: dict[str, int] = {}
    cells: list[tuple[int, int, float, float]] = []
    for column, (measure, population) in enumerate(populations.items()):
        for key, value in population.members:
            if key is not None:
                row = models.setdefault(key, len(models))
                cells.append((row, column, common(population, value), weights[measure]))
    if not cells:
        return _Fit({}, _UNKNOWN_BETWEEN)
    return _two_way(cells, list(populations), len(models), config.shrinkage, method)


def _two_way(
    cells: Sequence[tuple[int, int, float, float]],
    measures: Sequence[MeasureKey],
    n_models: int,
    shrinkage: float,
    method: Method,
) -> _Fit:
    import numpy as np

    row, column = (np.array(part, dtype=np.intp) for part in list(zip(*cells, strict=True))[:2])
    x, w = (np.array(part) for part in list(zip(*cells, strict=True))[2:])
    offsets = np.zeros(len(measures))
    of_model = np.bincount(row, w, n_models)
    of_measure = np.bincount(column, w, len(measures))
    # bincount adds in the order of the cells, so the result is the same on every machine.
    for _ in range(_ROUNDS if method == "two_way_fit" else 0):
        model = np.bincount(row, w * (x - offsets[column]), n_models) / (of_model + shrinkage)
        offsets = np.bincount(column, w * (x - model[row]), len(measures)) / of_measure
    mean = np.bincount(row, w * (x - offsets[column]), n_models) / of_model
    squares = fsum((w * (x - offsets[column] - mean[row]) ** 2).tolist())
    fitted = len(measures) - 1 if method == "two_way_fit" else 0
    freedom = len(cells) - n_models - fitted
    between = squares / freedom if freedom > 0 else _UNKNOWN_BETWEEN
    return _Fit(dict(zip(measures, offsets.tolist(), strict=True)), between)


def _standings(
    scored: Sequence[tuple[float, float, str, tuple[Evidence, ...]]],
) -> list[Standing]:
    ordered = sorted(scored, key=lambda item: (-item[0], item[2]))
    lows = sorted(score - half for score, half, _, _ in ordered)
    highs = sorted(score + half for score, half, _, _ in ordered)
    standings = []
    for rank, (score, half, key, evidence) in enumerate(ordered, start=1):
        low, high = score - half, score + half
        ahead = len(lows) - bisect_right(lows, high)
        behind = bisect_left(highs, low)
        best, worst = 1 + ahead, len(ordered) - behind
        standings.append(Standing(key, score, low, high, rank, best, worst, worst - best, evidence))
    return standings
