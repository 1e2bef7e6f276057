"""Stability under other weights, and the Pareto set: by hand and by definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.robustness import Norms, pareto_set, stability, weight_vectors
from llmrec_pipeline.domain.scoring.weighted import Weights

BALANCED = Weights(0.6, 0.2, 0.2)
# Few values, so that equals and dominated models are common.
_norm = st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0, 1.5])
_pools = st.lists(st.tuples(_norm, _norm, _norm), min_size=1, max_size=12)


def test_the_weight_vectors_are_all_within_a_fifth_and_sum_to_1() -> None:
    vectors = weight_vectors(BALANCED)
    assert len(vectors) == len(set(vectors)) == 25
    assert all(sum(vector) == pytest.approx(1.0) for vector in vectors)
    assert BALANCED in [pytest.approx(vector) for vector in vectors]
    # 0.6 * 1.2 against 0.2 * 0.8 twice.
    assert max(vector.quality for vector in vectors) == pytest.approx(0.72 / 1.04)


def test_a_weight_of_0_stays_0() -> None:
    assert {vector.cost for vector in weight_vectors(Weights(0.5, 0.5, 0.0))} == {0.0}
    assert len(weight_vectors(Weights(1.0, 0.0, 0.0))) == 1


def test_a_first_that_is_best_in_everything_is_stable() -> None:
    assert stability([(1.0, 1.0, 1.0), (0.9, 1.0, 0.0)], BALANCED) == (1.0, 25, [])


def test_stability_counted_by_hand() -> None:
    # First: 0.6. Second: 0.2 * 2.99, so it is ahead wherever speed grows against quality, or
    # quality shrinks against speed: 3 of 9 pairs of factors, with any factor for cost. Of these 9
    # combinations none is equal to another one.
    found = stability([(1.0, 0.0, 0.0), (0.0, 2.99, 0.0)], BALANCED)
    assert found == (pytest.approx(16 / 25), 25, [1])


def test_there_is_no_stability_without_a_model() -> None:
    with pytest.raises(ValueError, match="without a model"):
        stability([], BALANCED)


def test_a_pareto_set_by_hand() -> None:
    norms = [(1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.4, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)]
    assert pareto_set(norms) == [0, 1, 3, 4]
    assert pareto_set([]) == []


@given(norms=_pools)
def test_the_pareto_set_is_what_its_definition_says(norms: list[Norms]) -> None:
    def dominates(one: Norms, other: Norms) -> bool:
        return one != other and all(a >= b for a, b in zip(one, other, strict=True))

    by_definition = [
        place
        for place, candidate in enumerate(norms)
        if not any(dominates(other, candidate) for other in norms)
    ]
    assert pareto_set(norms) == by_definition
