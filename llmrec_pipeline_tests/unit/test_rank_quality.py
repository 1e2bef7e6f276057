"""The figures of rank quality: by hand, and what they must say of data whose answer is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.rank_quality import kendall_tau, top1_regret

_values = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=12)


def test_kendalls_tau_by_hand() -> None:
    # Of six pairs five agree and one does not.
    assert kendall_tau([1, 2, 4, 3], [10, 20, 30, 40]) == pytest.approx(4 / 6)
    # One tie in the guess: five pairs agree, over the root of five times six.
    assert kendall_tau([1, 2, 3, 3], [10, 20, 30, 40]) == pytest.approx(5 / 30**0.5)
    assert kendall_tau([1, 1, 1], [1, 2, 3]) == 0.0


def test_who_is_not_placed_counts_as_last() -> None:
    last = float("-inf")
    assert kendall_tau([last, last, 5.0], [1.0, 2.0, 3.0]) == pytest.approx(2 / 6**0.5)


@given(pairs=_values)
def test_tau_is_symmetric_and_turns_with_its_guess(pairs: list[tuple[int, int]]) -> None:
    guess, truth = ([float(value) for value in part] for part in zip(*pairs, strict=True))
    tau = kendall_tau(guess, truth)
    assert -1.0 - 1e-12 <= tau <= 1.0 + 1e-12
    assert kendall_tau(truth, guess) == tau
    assert kendall_tau([-value for value in guess], truth) == -tau


def test_regret_by_hand() -> None:
    assert top1_regret([1.0, 9.0, 2.0], [0.0, 4.0, 5.0]) == pytest.approx(0.2)
    assert top1_regret([9.0, 9.0, 2.0], [0.0, 4.0, 5.0]) == pytest.approx(0.6)
    assert top1_regret([0.0, 1.0, 2.0], [0.0, 4.0, 5.0]) == 0.0
    with pytest.raises(ValueError, match="equally good"):
        top1_regret([1.0, 2.0], [3.0, 3.0])
