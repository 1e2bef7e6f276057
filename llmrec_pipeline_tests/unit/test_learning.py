"""Success rates by benchmarks and outcomes, and what they would have gained. All values invented."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.learning import Effects, Estimate, Outcome, estimates, posterior
from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.domain.learning_simulation import (
    LINUCB,
    SERVED,
    STATIC,
    OutcomeMatrix,
    prior_of,
    prior_of_other_tasks,
    replay,
    simulate,
)
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.storage.outcome_tables import read_log, read_matrix, read_prior

EFFECTS = Effects(level=0.02, use_case=0.05, model=0.03, own=0.06)


@pytest.fixture
def config() -> LearningConfig:
    return load_learning(read_locations({}), {})


def _estimates(
    config: LearningConfig, told: list[Outcome], *cells: tuple[str, str]
) -> dict[tuple[str, str], Estimate]:
    return estimates(dict.fromkeys(cells, 0.7), told, config, 0.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32))
def test_the_posterior_is_that_of_the_whole_normal_model(
    use_cases: int, models: int, seed: int
) -> None:
    dice = np.random.default_rng(seed)
    prior = dice.random((use_cases, models))
    counts = dice.integers(0, 5, prior.shape).astype(float)
    totals = counts * dice.random(prior.shape)
    case, model = (axis.ravel() for axis in np.indices(prior.shape))
    covariance = (
        EFFECTS.level
        + EFFECTS.use_case * (case[:, None] == case)
        + EFFECTS.model * (model[:, None] == model)
        + EFFECTS.own * np.eye(prior.size)
    )
    seen = counts.ravel() > 0
    gain = covariance[:, seen] @ np.linalg.inv(
        covariance[np.ix_(seen, seen)] + np.diag(1 / counts.ravel()[seen])
    )
    means = totals.ravel()[seen] / counts.ravel()[seen]
    expected = prior.ravel() + gain @ (means - prior.ravel()[seen])
    variance = np.diag(covariance - gain @ covariance[seen])

    found = posterior(prior, counts, totals, EFFECTS)
    both = posterior(prior, np.stack([counts, 0 * counts]), np.stack([totals, 0 * totals]), EFFECTS)

    assert np.allclose(found.mean.ravel(), expected)
    assert np.allclose(found.deviation.ravel() ** 2, variance)
    assert np.allclose(both.mean[0], found.mean)
    assert np.allclose(both.mean[1], prior)


def test_a_prior_is_worth_ten_outcomes(config: LearningConfig) -> None:
    told = [Outcome("build", "lab/a", float(n % 2)) for n in range(30)]
    found = _estimates(config, told, ("build", "lab/a"))["build", "lab/a"]
    # The level and the model, .04 of .14, are as wrong as that cell says: .7 becomes .6538.
    assert found.prior == pytest.approx(0.7 - 0.2 * 0.04 / (0.14 + 1 / 30))
    assert found.used == pytest.approx((10 * found.prior + 15) / 40)
    assert (found.outcomes, found.own) == (30, 0.5)
    assert found.low < found.used < found.high
    assert found.correction == pytest.approx(found.used - 0.7)
    assert found.text.startswith(
        "benchmarks say 0.65 (0.70 before 30 outcomes calibrated them), our 30 outcomes say 0.50 ± 0.09,"
    )


def test_outcomes_of_others_leave_a_model_near_its_prior_and_say_so(config: LearningConfig) -> None:
    told = [Outcome("build", "lab/a", 0.0)] * 20 + [Outcome("build", "lab/unknown", 0.0)]
    found = _estimates(config, told, ("build", "lab/a"), ("build", "lab/b"), ("audit", "lab/a"))
    other, elsewhere = found["build", "lab/b"], found["audit", "lab/a"]
    assert 0.6 < other.used < 0.7, "all work may be harder than it looked"
    assert elsewhere.used < other.used, "and the model worse"
    assert elsewhere.used > found["build", "lab/a"].used
    assert "no outcomes of our own" in other.text
    assert (other.own, other.own_error) == (None, None)


def test_what_is_used_is_recomputed_from_what_is_shown(config: LearningConfig) -> None:
    """45 outcomes, a third of them successes, of a model that benchmarks give .6661."""
    told = [Outcome("build", "lab/a", 1.0)] * 15 + [Outcome("build", "lab/a", 0.0)] * 30
    prior = {("build", "lab/a"): 0.6661}
    found = estimates(prior, told, config, config.use_case_doubt.of_standings)
    shown = found["build", "lab/a"].to_mapping()
    # In units of the noise level, use case and model have .015 + .2 + .025 together, own .1.
    shift = 0.24 / (0.34 + 1 / 45) * (1 / 3 - 0.6661)
    assert shown["benchmark"] == pytest.approx(0.6661)
    assert shown["calibration"] == {"shift": pytest.approx(shift), "outcomes": 45}
    assert shown["prior"] == pytest.approx(0.6661 + shift)
    assert shown["prior_weight"] == 10
    assert shown["used"] == pytest.approx((10 * (0.6661 + shift) + 15) / 55)
    assert shown["text"].startswith(
        "benchmarks say 0.45 (0.67 before 45 outcomes calibrated them), our 45 outcomes say 0.33 ± 0.07"
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_every_estimate_is_recomputed_from_what_is_shown(seed: int) -> None:
    dice = np.random.default_rng(seed)
    config = load_learning(read_locations({}), {})
    cells = [(f"u{case}", f"m{model}") for case in range(3) for model in range(4)]
    told = [
        Outcome(*cells[at], float(dice.random()), int(dice.integers(1, 500)))
        for at in dice.integers(0, len(cells), 8)
    ]
    prior = {cell: float(dice.random()) for cell in cells}
    for found in estimates(prior, told, config, 2.0).values():
        total = found.outcomes * (found.own or 0.0)
        worth = found.prior_weight + found.outcomes
        assert found.used == pytest.approx((found.prior_weight * found.prior + total) / worth)
        assert 0 <= found.low <= found.used <= found.high <= 1


def test_hard_work_makes_no_model_look_weak(config: LearningConfig) -> None:
    """The strong model gets the hard use case, where everybody fails, and is still the better one."""
    cells = [(case, model) for case in ("hard", "easy") for model in ("lab/strong", "lab/weak")]
    prior = {cell: 0.7 if cell[1] == "lab/strong" else 0.6 for cell in cells}
    told = [Outcome("hard", "lab/strong", float(n % 10 < 3)) for n in range(200)]
    told += [Outcome("hard", "lab/weak", float(n % 10 < 1)) for n in range(20)]
    told += [Outcome("easy", "lab/weak", float(n % 10 < 8)) for n in range(200)]
    found = estimates(prior, told, config, config.use_case_doubt.of_standings)
    assert found["hard", "lab/strong"].used > found["hard", "lab/weak"].used
    assert found["easy", "lab/strong"].used > found["easy", "lab/weak"].used - 0.02


def test_learning_gains_where_benchmarks_are_wrong_and_loses_little_where_they_are_right(
    config: LearningConfig,
) -> None:
    matrix, rates = _matrix(seed=3)
    wrong = rates[:, ::-1]  # the best by the prior is the worst
    names = [(t, m) for t in matrix.task_types for m in matrix.models]
    found = simulate(
        matrix, prior_of(dict(zip(names, wrong.ravel(), strict=True)), matrix), config, 800, 6
    )
    assert found["gain_over_static_prior"][SERVED]["last"]["mean"] > 0.1
    assert found["gain_over_static_prior"][LINUCB]["last"]["mean"] > 0.1
    assert all(found["goals"].values())
    policies = {name: figures["all"]["mean"] for name, figures in found["policies"].items()}
    assert max(policies, key=policies.__getitem__) == "oracle"
    assert policies["best_per_task"] >= policies["best_single"] > policies[STATIC]

    right = simulate(
        matrix, prior_of(dict(zip(names, rates.ravel(), strict=True)), matrix), config, 800, 6
    )
    assert right["gain_over_static_prior"][SERVED]["all"]["mean"] > -0.03
    again = simulate(
        matrix, prior_of(dict(zip(names, rates.ravel(), strict=True)), matrix), config, 800, 6
    )
    assert again == right


def test_priors_that_nobody_told() -> None:
    matrix, _ = _matrix(seed=5)
    others = prior_of_other_tasks(matrix)
    assert np.allclose(others.rates[0], matrix.means[1:].mean(axis=0))
    told = {("t0", "m0"): 0.2, ("t1", "m0"): 0.4, ("t0", "m1"): 0.6}
    filled = prior_of(told, matrix)
    assert filled.filled == matrix.means.size - 3
    assert filled.rates[2, 0] == pytest.approx(0.3), "a model's other task types"
    assert filled.rates[0, 5] == pytest.approx(0.4), "the task type's other models"
    assert filled.rates[2, 5] == pytest.approx(0.4), "all that is told"
    one = OutcomeMatrix(("t0",), matrix.models, np.zeros(4, dtype=np.intp), matrix.scores[:4])
    assert prior_of_other_tasks(one).source == "flat"


def test_a_log_is_replayed_in_its_order(config: LearningConfig) -> None:
    told = [Outcome("build", "lab/a", 0.0), Outcome("build", "lab/b", 1.0)] * 60
    found = replay(told, {("build", "lab/a"): 0.9, ("build", "lab/b"): 0.1}, config)
    figures = found["predictors"]
    assert figures[SERVED]["brier"] < figures[STATIC]["brier"] == pytest.approx(0.81)
    assert figures[SERVED]["agreed"] > 0.8
    assert figures[STATIC]["agreed"] == 0.0
    assert found["outcomes"] == 120


def test_tables_of_either_kind_are_read_alike(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": prompt, "task_type": f"t{prompt % 2}", "model": model, "score": score}
        for prompt in range(4)
        for model, score in (("a", 100), ("b", 50))
    ]
    again = {**rows[0], "score": 60}
    frame = pl.DataFrame([*rows, {**rows[0], "prompt_id": 9}, again])
    frame.write_csv(tmp_path / "m.csv")
    frame.write_parquet(tmp_path / "m.parquet")
    frame.write_ndjson(tmp_path / "m.jsonl")
    for name in ("m.csv", "m.parquet", "m.jsonl"):
        read = read_matrix(tmp_path / name)
        assert (read.scale, read.dropped, read.repeated) == (100.0, 1, 1)
        assert read.matrix.models == ("a", "b")
        assert read.matrix.scores.tolist() == [[0.8, 0.5], *[[1.0, 0.5]] * 3]
        assert read.matrix.tasks.tolist() == [0, 0, 1, 1]
    (tmp_path / "p.csv").write_text("task_type,model,mean\nt0,a,70\n")
    assert read_prior(tmp_path / "p.csv") == {("t0", "a"): 0.7}
    lines = [{"at": at, "use_case": "u", "model": "a", "score": at % 2} for at in (3, 2, 1)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [outcome.score for outcome in read_log(tmp_path / "log.jsonl")] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.txt", "", "must end in .csv"),
        ("x.csv", "prompt_id,model,score\n1,a,1\n", "has no column task_type"),
        ("x.csv", "prompt_id,task_type,model,score\n", "has no rows"),
        ("x.csv", "prompt_id,task_type,model,score\n1,t,a,1\n1,t,b,-2\n", "row 2: score is -2"),
        ("x.csv", "prompt_id,task_type,model,score\n1,t,a,x\n", "row 1: score is 'x'"),
        ("x.csv", "prompt_id,task_type,model,score\n1,t,a,\n", "row 1: score is None"),
        ("x.csv", "prompt_id,task_type,model,score\n1,t,a,1\n", "nothing to choose"),
        ("x.csv", "prompt_id,task_type,model,score\n1,t,a,1\n1,u,b,1\n", "several task types"),
        ("x.csv", "prompt_id,task_type,model,score\n1,t,a,1\n2,t,b,1\n", "no prompt has a score"),
        ("x.jsonl", "{", "cannot be read"),
        ("x.parquet", "no", "cannot be read"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RequestError, match=told) as error:
        read_matrix(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_prior_must_speak_of_the_models(tmp_path: Path) -> None:
    matrix, _ = _matrix(seed=1)
    (tmp_path / "p.csv").write_text("task_type,model,mean\nt0,nobody,0.7\n")
    with pytest.raises(RequestError, match="names must agree"):
        read_prior(tmp_path / "p.csv", matrix)
    with pytest.raises(RequestError, match="no such file"):
        read_log(tmp_path / "nowhere.csv")


def _matrix(seed: int) -> tuple[OutcomeMatrix, np.ndarray]:
    """Three task types, eight models in ascending order of ability, noisy binary scores."""
    dice = np.random.default_rng(seed)
    rates = np.clip(np.linspace(0.3, 0.8, 8) + dice.normal(0, 0.05, (3, 8)), 0.05, 0.95)
    tasks = dice.integers(0, 3, 300)
    scores = (dice.random((300, 8)) < rates[tasks]).astype(float)
    names = tuple(f"m{n}" for n in range(8))
    return OutcomeMatrix(("t0", "t1", "t2"), names, tasks, scores), rates
