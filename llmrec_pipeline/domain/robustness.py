"""How far an answer rests on its weights: stability of the first place, and the Pareto set.

Both look at norms (quality, speed, cost; more is better, a missing value filled in by the missing
policy), not at how they were made, so they serve every scorer whose score is a weighted sum.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from llmrec_pipeline.domain.scoring.weighted import Weights

Norms = tuple[float, float, float]
"""Quality, speed and cost of one model."""

WEIGHT_CHANGE = 0.2
"""Each weight is tried at this share less, as it is, and at this share more."""


class Stability(NamedTuple):
    """`share` of the weight vectors under which the first stays first; `rivals` are the places of
    those that come first under the others."""

    share: float
    vectors: int
    rivals: list[int]


def weight_vectors(weights: Weights) -> list[Weights]:
    """The weights with each at -20 %, as it is and +20 %, in every combination, renormalised to
    sum 1. All three alike is the same vector, so it stands once: 25 vectors, fewer where a weight
    is 0."""
    steps = (1.0 - WEIGHT_CHANGE, 1.0, 1.0 + WEIGHT_CHANGE)
    vectors: dict[tuple[float, ...], Weights] = {}
    for factors in product(steps, repeat=3):
        changed = [weight * factor for weight, factor in zip(weights, factors, strict=True)]
        vector = Weights(*(weight / sum(changed) for weight in changed))
        # 0.8 : 0.8 : 0.8 and 1 : 1 : 1 differ by rounding alone.
        vectors.setdefault(tuple(round(share, 12) for share in vector), vector)
    return list(vectors.values())


def stability(norms: Sequence[Norms], weights: Weights) -> Stability:
    """Of models in the order of a ranking, how firmly the first stands. One that draws level
    without overtaking does not count against it. ValueError where there is no model."""
    if not norms:
        raise ValueError("no stability without a model")
    vectors = weight_vectors(weights)
    firsts = [_first(norms, vector) for vector in vectors]
    return Stability(firsts.count(0) / len(vectors), len(vectors), sorted({*firsts} - {0}))


def _first(norms: Sequence[Norms], weights: Weights) -> int:
    w_quality, w_speed, w_cost = weights
    scores = [w_quality * q + w_speed * s + w_cost * c for q, s, c in norms]
    return scores.index(max(scores))


def pareto_set(norms: Sequence[Norms]) -> list[int]:
    """Places of the models that no other is at least as good as in all three and better in one.
    Equals stand side by side."""
    kept: set[Norms] = set()
    # Of those so far, the best cost at each speed: speeds rise, costs fall.
    speeds: list[float] = []
    costs: list[float] = []
    # Whoever is better somewhere and nowhere worse comes earlier in this order, so that quality needs
    # no comparing.
    for norm in sorted(set(norms), reverse=True):
        _, speed, cost = norm
        faster = bisect_left(speeds, speed)
        if faster < len(speeds) and costs[faster] >= cost:
            continue
        kept.add(norm)
        end = start = bisect_right(speeds, speed)
        while start and costs[start - 1] <= cost:
            start -= 1
        speeds[start:end], costs[start:end] = [speed], [cost]
    return [place for place, norm in enumerate(norms) if norm in kept]
