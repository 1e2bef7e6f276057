"""Ranking for many requests at once: `RankingPool.ranked` beside a bare numpy product and top ten."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from llmrec_pipeline.domain.ranking_pool import RankingPool
from llmrec_pipeline.domain.scorers import ANCHORED
from llmrec_pipeline.domain.scoring.weighted import Weights
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal
from llmrec_pipeline_tests.benchmarks.refresh_cost import build

_PULLS, _MODELS, _REQUESTS, _TOP, _REPEAT = 10, 500, 10_000, 10, 15
RATIO_GOAL = Goal(20.0)


def figures() -> list[Figure]:
    """Everything from the payload of an edition to the models and scores of each request's first."""
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        data = Path(temporary) / "data"
        build(data, _PULLS, _MODELS, lambda _: None)
        edition = find_edition(read_locations({"LLMREC_DATA_DIR": str(data)}).published, None)
        payload = json.loads(json.dumps(edition.ranking()))
    dice = np.random.default_rng(1)
    shares = dice.dirichlet((1.0, 1.0, 1.0), _REQUESTS)
    many = [Weights(*row) for row in shares.tolist()]
    norms = dice.random((_MODELS, 3))

    def product() -> None:
        scores = shares @ norms.T
        first = np.argpartition(-scores, _TOP, axis=1)[:, :_TOP]
        np.take_along_axis(scores, first, axis=1).sort(axis=1)

    def ours() -> None:
        pool = RankingPool.of(payload, "coding", scorer=ANCHORED)
        found = [pool.ranked(weights, _TOP) for weights in many]
        if {len(first) for first in found} != {_TOP}:
            raise RuntimeError("a request has another number of models than was asked for")

    mine, theirs = _fastest_s(ours, product)
    return [
        Figure(
            f"{_REQUESTS:,} requests, {_MODELS} models by {ANCHORED}, top {_TOP}",
            *(mine, "s", "numpy product and argpartition", theirs, RATIO_GOAL),
        )
    ]


def _fastest_s(*works: Callable[[], None]) -> list[float]:
    """The least seconds of each, run in turn: the product ends in a few hundredths of a second, of
    which a median tells more about what else the machine does. The first round only warms."""
    seconds: list[list[float]] = [[] for _ in works]
    for number in range(_REPEAT + 1):
        for work, taken in zip(works, seconds, strict=True):
            started = time.perf_counter()
            work()
            if number:
                taken.append(time.perf_counter() - started)
    return [min(taken) for taken in seconds]
