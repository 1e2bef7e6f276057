"""Frozen populations and the consensus over them: by hand, and their laws."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.consensus import (
    METHODS,
    Consensus,
    Evidence,
    MeasureReading,
    breakdown,
    consensus,
    current_readings,
    measure_weights,
)
from llmrec_pipeline.domain.consensus_config import ConsensusConfig, Method
from llmrec_pipeline.domain.populations import MeasureKey, Population, Scale

CONFIG = ConsensusConfig.model_validate(
    yaml.safe_load(
        (Path(__file__).parents[2] / "config" / "consensus.yaml").read_text(encoding="utf-8")
    )
)
# Round numbers, so that everything can be computed by hand.
PLAIN = CONFIG.model_copy(
    update={
        "shrinkage": 2.0,
        "minimum_population": 4,
        "confidence": 0.95,
        "weights": CONFIG.weights.model_copy(
            update={"unverified": 0.5, "other_variant": 0.5, "related": 0.5}
        ),
    }
)
Q = NormalDist().inv_cdf(0.975)
ONE = MeasureKey("house", "coding_index", None, "2")
TWO = MeasureKey("arena", "duels", "coding", None)


def population(measure: MeasureKey, **values: float) -> Population:
    members = tuple((f"lab/{name}", value) for name, value in values.items())
    return Population(measure, "2026-01-01T00:00:00Z", "hash", members)


# Mean 50, standard deviation sqrt(500); mean 0, standard deviation sqrt(5).
POPULATIONS = {
    ONE: population(ONE, a=20, b=40, c=60, d=80),
    TWO: population(TWO, a=-3, b=1, c=-1, d=3),
}
SD_ONE, SD_TWO = sqrt(500), sqrt(5)


def read(name: str, measure: MeasureKey, value: float, **more: Any) -> MeasureReading:
    base = f"lab/{name}".split(":")[0]
    return MeasureReading(f"lab/{name}", base, measure, value, **more)


def ranked(
    *readings: MeasureReading,
    method: Method = "shrunk_z_mean",
    config: ConsensusConfig = PLAIN,
    weights: dict[MeasureKey, float] | None = None,
    models: tuple[str, ...] = (),
    populations: dict[MeasureKey, Population] = POPULATIONS,
) -> Consensus:
    known = {reading.key: reading.base_model for reading in readings}
    known |= {f"lab/{name}": f"lab/{name}".split(":")[0] for name in models}
    return consensus(readings, populations, weights or {ONE: 1.0, TWO: 1.0}, known, config, method)


# Populations


def test_the_parameters_of_a_population_by_hand() -> None:
    scale = Scale.of([80.0, 20.0, 60.0, 40.0])
    assert scale == (50.0, pytest.approx(sqrt(500)), 20.0, 50.0, 80.0, 4)
    assert scale.standardised(80.0) == pytest.approx(30 / sqrt(500))
    assert Scale.of([3.0, 3.0]) == (3.0, 1.0, 3.0, 3.0, 3.0, 2)


def test_a_normal_score_is_the_quantile_of_the_rank() -> None:
    quantile = NormalDist().inv_cdf
    scored = population(ONE, a=1, b=2, c=2, d=4).normal_score
    assert scored(1.0) == pytest.approx(quantile(1 / 5))
    assert scored(2.0) == pytest.approx(quantile(2.5 / 5))
    assert scored(3.0) == pytest.approx((quantile(2.5 / 5) + quantile(4 / 5)) / 2)
    sd = Scale.of([1, 2, 2, 4]).sd
    assert scored(5.0) == pytest.approx(quantile(4 / 5) + 1 / sd)
    assert scored(-1.0) == pytest.approx(quantile(1 / 5) - 2 / sd)


@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=20),
    pair=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
)
def test_a_better_value_never_has_a_lower_normal_score(
    values: list[int], pair: tuple[float, float]
) -> None:
    members = tuple((None, float(value)) for value in values)
    frozen = Population(ONE, "2026-01-01T00:00:00Z", "hash", members)
    low, high = sorted(pair)
    assert frozen.normal_score(low) <= frozen.normal_score(high)


# By hand


def test_a_consensus_computed_by_hand() -> None:
    found = ranked(
        read("x", ONE, 80.0, stderr=SD_ONE / 2),
        read("x", TWO, 2.0),
        read("y", ONE, 40.0),
        models=("nobody",),
    )
    # Frozen: a -1.342 -1.342, b -.447 .447, c .447 -.447, d 1.342 1.342 standard deviations. b and
    # c lie .447 to both sides of their means: 4 * .2 over 8 values less 4 models is .2.
    between = 0.2
    x, y = found.standings
    assert x.score == pytest.approx((30 / SD_ONE + 2 / SD_TWO) / (2 + 2))
    half = Q * sqrt(2 * between + 0.25) / 2
    assert (x.low, x.high) == pytest.approx((x.score - half, x.score + half))
    assert y.score == pytest.approx(-10 / SD_ONE / 3)
    assert y.high - y.score == pytest.approx(Q * sqrt(between))
    assert (x.n_measures, x.publishers) == (2, ["arena", "house"])
    assert x.evidence == (Evidence(ONE, "measured", 1.0), Evidence(TWO, "measured", 1.0))
    assert found.left_out == ["lab/nobody"]


def test_ranks_are_intervals_and_ties_are_told() -> None:
    # Half widths are .877; scores are 0, 1 and 2.
    found = ranked(
        *(read(name, ONE, 50 + 3 * score * SD_ONE) for score, name in enumerate("xyz"))
    ).standings
    z, y, x = found
    assert [s.canonical_model_key[-1] for s in found] == ["z", "y", "x"]
    assert [s.rank for s in found] == [1, 2, 3]
    assert (z.rank_low, z.rank_high, z.ties) == (1, 2, 1)
    assert (y.rank_low, y.rank_high, y.ties) == (1, 3, 2)
    assert (x.rank_low, x.rank_high, x.ties) == (2, 3, 1)


def test_a_lonely_measure_is_wider_than_two_that_agree() -> None:
    lonely = ranked(read("x", ONE, 80.0)).standings[0]
    both = ranked(read("x", ONE, 80.0), read("x", TWO, 3.0)).standings[0]
    assert lonely.high - lonely.low == pytest.approx((both.high - both.low) * sqrt(2))


def test_the_two_way_fit_knows_a_strong_company() -> None:
    """Strong models took the second measure, weak ones the first: the middle of the second is
    worth more."""
    weak, strong = MeasureKey("h", "one", "x", None), MeasureKey("h", "two", "x", None)
    populations = {
        weak: population(weak, a=1, b=2, c=3, d=4, e=5),
        strong: population(strong, d=1, e=2, f=3, g=4, h=5),
    }
    readings = (read("x", weak, 3.0), read("y", strong, 3.0))
    weights = {weak: 1.0, strong: 1.0}
    for method in METHODS:
        found = ranked(*readings, method=method, weights=weights, populations=populations)
        x, y = (
            next(s for s in found.standings if s.canonical_model_key == f"lab/{n}") for n in "xy"
        )
        assert (y.score > x.score) is (method == "two_way_fit")
        assert (y.score == x.score) is (method != "two_way_fit")


# Grades of evidence


def test_creators_own_figures_weigh_less_and_are_wider() -> None:
    own = ranked(read("x", ONE, 80.0, verified=False)).standings[0]
    told = ranked(read("x", ONE, 80.0)).standings[0]
    assert own.evidence == (Evidence(ONE, "unverified", 0.5),)
    assert own.score == pytest.approx(0.5 * 30 / SD_ONE / 2.5)
    assert own.score < told.score
    assert own.high - own.low == pytest.approx((told.high - told.low) * sqrt(2))


def test_another_variant_is_a_weaker_grade_and_its_own_reading_comes_first() -> None:
    found = ranked(
        read("x:high", ONE, 80.0), read("x:low", ONE, 60.0), read("x:high", TWO, 3.0),
        models=("x",),
    )  # fmt: skip
    by_key = {standing.canonical_model_key: standing for standing in found.standings}
    assert by_key["lab/x:high"].evidence == (
        Evidence(ONE, "measured", 1.0),
        Evidence(TWO, "measured", 1.0),
    )
    assert by_key["lab/x"].evidence == (
        Evidence(ONE, "other_variant", 0.5),
        Evidence(TWO, "other_variant", 0.5),
    )
    # The mean of the siblings: 70, and 3.
    assert by_key["lab/x"].score == pytest.approx(0.5 * (20 / SD_ONE + 3 / SD_TWO) / 3)
    # Of itself a measure speaks, so its siblings are not asked.
    assert [item.measure for item in by_key["lab/x:low"].evidence] == [ONE]


def test_too_little_evidence_is_left_out() -> None:
    found = ranked(read("x:high", ONE, 80.0, verified=False), models=("x",))
    assert [s.canonical_model_key for s in found.standings] == ["lab/x:high"]
    assert found.left_out == ["lab/x"]  # 0.5 * 0.5


def test_a_small_population_does_not_count() -> None:
    config = PLAIN.model_copy(update={"minimum_population": 5})
    assert ranked(read("x", ONE, 80.0), config=config) == ([], ["lab/x"])


def test_a_replaced_index_version_does_not_count() -> None:
    old = ONE._replace(index_version="1.9")
    newest = ONE._replace(index_version="1.10")
    readings = [read("x", old, 1.0), read("y", newest, 2.0), read("x", TWO, 3.0)]
    assert current_readings(readings) == readings[1:]


def test_measures_of_a_task_type_and_their_weights() -> None:
    related = MeasureKey("house", "quality_index", None, "2")
    listed = MeasureKey("epoch", "swe_bench_verified", "coding", None)
    other = MeasureKey("epoch", "frontiermath", "math", None)
    foreign = MeasureKey("house", "swe_bench_verified", "coding", None)
    found = measure_weights(
        [other, related, listed, foreign, ONE], "coding", ("coding_index", "quality_index"), CONFIG
    )
    assert list(found.items()) == [(listed, 1.0), (ONE, 1.0), (related, CONFIG.weights.related)]


# Laws

_values = st.lists(
    st.tuples(
        st.sampled_from(["m1", "m2", "m2:high", "m3", "m4"]),
        st.sampled_from([ONE, TWO]),
        st.floats(-100, 200),
        st.booleans(),
    ),
    min_size=2,
    max_size=10,
    unique_by=lambda row: row[:2],
)
_methods = st.sampled_from(METHODS)


def of_rows(rows: list[Any], method: Method) -> dict[str, Any]:
    found = ranked(*(read(n, m, v, verified=ok) for n, m, v, ok in rows), method=method)
    return {standing.canonical_model_key: standing for standing in found.standings}


@settings(deadline=None)
@given(rows=_values, method=_methods)
def test_adding_a_model_changes_no_other_ones_score(rows: list[Any], method: Method) -> None:
    for gone in {row[0].split(":")[0] for row in rows}:
        rest = [row for row in rows if row[0].split(":")[0] != gone]
        if not rest:
            continue
        before, after = of_rows(rest, method), of_rows(rows, method)
        for key, standing in before.items():
            assert after[key].score == standing.score
            assert (after[key].low, after[key].high) == (standing.low, standing.high)


@settings(deadline=None)
@given(rows=_values, method=_methods, order=st.randoms(use_true_random=False))
def test_the_order_of_the_readings_does_not_matter(
    rows: list[Any], method: Method, order: Any
) -> None:
    shuffled = order.sample(rows, len(rows))
    assert of_rows(shuffled, method) == of_rows(rows, method)


@settings(deadline=None)
@given(rows=_values, method=_methods, place=st.integers(0, 9), gain=st.floats(0, 50))
def test_a_better_value_never_lowers_a_score(
    rows: list[Any], method: Method, place: int, gain: float
) -> None:
    name, measure, value, verified = rows[place % len(rows)]
    better = [
        (name, measure, value + gain, verified),
        *(r for r in rows if r[:2] != (name, measure)),
    ]
    before, after = of_rows(rows, method), of_rows(better, method)
    assert after[f"lab/{name}"].score >= before[f"lab/{name}"].score


@settings(deadline=None)
@given(rows=_values, method=_methods)
def test_a_score_lies_in_its_interval_and_a_rank_in_its_own(
    rows: list[Any], method: Method
) -> None:
    for standing in of_rows(rows, method).values():
        assert standing.low <= standing.score <= standing.high
        assert standing.rank_low <= standing.rank <= standing.rank_high
        assert standing.ties == standing.rank_high - standing.rank_low


def _two_houses(version: str | None = "2") -> tuple[Any, ...]:
    """Two measures of four models, one of them self-reported once and told of a variant once."""
    first, second = ONE._replace(index_version=version), TWO._replace(index_version=version)
    populations = {
        first: population(first, a=20, b=40, c=60, d=80),
        second: population(second, a=-3, b=1, c=-1, d=3),
    }
    readings = [
        read("a", first, 25.0),
        read("b", first, 55.0, stderr=3.0),
        read("c", first, 61.0),
        read("b", second, 0.5),
        read("c:high", second, 2.0),
        read("e:high", first, 30.0),
        read("e:high", second, 1.0),
        read("d", first, 70.0, verified=version is not None and version.startswith("inferred")),
    ]
    models = {r.key: r.base_model for r in readings} | {"lab/c": "lab/c", "lab/e": "lab/e"}
    return readings, populations, {first: 1.0, second: 0.5}, models, PLAIN


def test_a_score_taken_apart_sums_to_it() -> None:
    """Every model: the contributions sum to the score, and the interval is the same."""
    arguments = _two_houses()
    found = consensus(*arguments)
    assert {item.grade for s in found.standings for item in s.evidence} == {
        "measured",
        "unverified",
        "other_variant",
    }
    for standing in found.standings:
        apart = breakdown(standing.canonical_model_key, *arguments)
        assert apart is not None
        assert sum(part.contribution for part in apart.parts) == pytest.approx(standing.score)
        assert (apart.score, apart.low, apart.high) == (standing.score, standing.low, standing.high)
        assert tuple(part.evidence for part in apart.parts) == standing.evidence
    assert breakdown("nobody/knows", *arguments) is None


def test_an_inferred_version_weighs_less_and_says_so() -> None:
    readings, populations, weights, _, config = _two_houses("inferred-2026-03-04")
    own = [reading for reading in readings if reading.key != "lab/c"]
    found = consensus(own, populations, weights, {r.key: r.base_model for r in own}, config)
    evidence = [item for standing in found.standings for item in standing.evidence]
    assert {item.grade for item in evidence} == {"inferred"}
    assert all(item.weight == weights[item.measure] * config.weights.inferred for item in evidence)


@pytest.mark.parametrize("method", METHODS)
@given(value=st.floats(0, 100), measure=st.sampled_from([ONE, TWO]))
def test_another_variant_moves_no_model_that_is_measured_itself(
    method: Method, value: float, measure: MeasureKey
) -> None:
    readings = [read("a", ONE, 70.0), read("b:high", ONE, 45.0), read("b:high", TWO, 2.0)]
    before = ranked(*readings, method=method)
    after = ranked(*readings, read("b:low", measure, value), method=method)
    known = {s.canonical_model_key: (s.score, s.low, s.high) for s in before.standings}
    moved = {
        s.canonical_model_key: (s.score, s.low, s.high)
        for s in after.standings
        if s.canonical_model_key in known
    }
    assert moved == known
