"""A rebase is recognised in the values, and nothing else is taken for one. Values are invented."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.rebases import RebaseRules, find_rebase
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.index_histories import KINDS_OF_MAP, ORDINARY_DAYS, IndexBoard

RULES = RebaseRules(**load_settings({}).pipeline.acceptance.rebase.model_dump())
SEEDS = st.integers(0, 2**32 - 1)
# Boards of up to 500 models take a while on a busy machine.
PATIENT = settings(deadline=None, max_examples=40)
SIZES = st.sampled_from([60, 150, 500])


@PATIENT
@given(SEEDS, SIZES, st.sampled_from(sorted(KINDS_OF_MAP)))
def test_a_whole_rebase_is_found_whatever_its_map(seed: int, models: int, kind: str) -> None:
    board = IndexBoard.invented(seed, models)
    found = find_rebase(board.scores(), board.rebased(kind, 1.0).scores(), RULES)
    assert found is not None
    assert not found.is_partial


@PATIENT
@given(SEEDS, SIZES, st.sampled_from(sorted(KINDS_OF_MAP)), st.floats(0.25, 0.6))
def test_a_partial_rebase_is_found_and_says_so(
    seed: int, models: int, kind: str, share: float
) -> None:
    board = IndexBoard.invented(seed, models)
    found = find_rebase(board.scores(), board.rebased(kind, share).scores(), RULES)
    assert found is not None
    assert found.is_partial
    assert "partly" in str(found)


@PATIENT
@given(SEEDS, SIZES, st.sampled_from(sorted(ORDINARY_DAYS)))
def test_an_ordinary_day_is_no_rebase(seed: int, models: int, kind: str) -> None:
    board = IndexBoard.invented(seed, models)
    assert find_rebase(board.scores(), board.next_day(kind).scores(), RULES) is None


@PATIENT
@given(SEEDS, st.floats(0.5, 0.8))
def test_models_missing_for_a_day_neither_make_nor_hide_a_rebase(seed: int, kept: float) -> None:
    board = IndexBoard.invented(seed, 300)
    assert find_rebase(board.scores(), board.part(kept).scores(), RULES) is None
    rebased = board.rebased("scaled down", 1.0).part(kept)
    assert find_rebase(board.scores(), rebased.scores(), RULES) is not None


@PATIENT
@given(SEEDS)
def test_measurement_noise_in_every_model_is_no_rebase(seed: int) -> None:
    board = IndexBoard.invented(seed, 500)
    assert find_rebase(board.scores(), board.remeasured(1.0).scores(), RULES) is None


def test_the_column_with_the_largest_share_tells() -> None:
    before = {name: {f"m{n}": 10.0 + n for n in range(20)} for name in ("a_index", "b_index")}
    after = {
        "a_index": {f"m{n}": (10.0 + n) * (0.5 if n < 6 else 1) for n in range(20)},
        "b_index": {f"m{n}": (10.0 + n) * (0.5 if n < 18 else 1) for n in range(20)},
    }
    found = find_rebase(before, after, RULES)
    assert found is not None
    assert (found.column, found.moved, found.common, found.is_partial) == ("b_index", 18, 20, False)


@pytest.mark.parametrize(("moved", "is_rebase"), [(4, False), (5, True)])
def test_a_handful_of_models_must_move(moved: int, is_rebase: bool) -> None:
    before = {"a_index": {f"m{n}": 10.0 + n for n in range(20)}}
    after = {"a_index": {f"m{n}": 10.0 + n + 5 * (n < moved) for n in range(20)}}
    assert (find_rebase(before, after, RULES) is not None) is is_rebase


def test_nothing_in_common_is_no_rebase() -> None:
    values = {"a_index": {f"m{n}": 10.0 + n for n in range(20)}}
    others = {"a_index": {f"n{n}": 50.0 + n for n in range(20)}}
    assert find_rebase(values, others, RULES) is None
    assert find_rebase(values, {}, RULES) is None
    assert find_rebase({}, values, RULES) is None
