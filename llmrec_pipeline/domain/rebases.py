"""Whether a publisher put an index on another scale between two pulls that do not say so.

An index is rebased where many models move at once and for one reason: in one direction, or along
one affine map of the values before. Corrections of a few models, models that come or go, values
that appear or vanish, rounding and measurement noise are none of it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

# By index column, the value of each model that has one.
Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class RebaseRules:
    """Thresholds of config/pipeline.yaml: acceptance.rebase. Shares are from 0 to 1."""

    min_move: float  # of the column's standard deviation: a smaller move is none
    min_moved: int
    min_moved_share: float  # of the models with a value in both pulls
    min_one_way: float  # of the moves: how many go up, or how many down
    min_explained: float  # of the moves' variance: what an affine map of the values before explains
    full_share: float  # moved by a rebase of the whole index; below, it is partial


@dataclass(frozen=True, slots=True)
class Rebase:
    """How many of the models that both pulls measure in a column moved."""

    column: str
    moved: int
    common: int
    is_partial: bool

    def __str__(self) -> str:
        told = f"{self.moved} of {self.common} models moved together in {self.column}"
        if not self.is_partial:
            return f"rebased: {told}"
        return f"partly rebased: {told}, so values of two scales stand side by side"


def find_rebase(before: Scores, after: Scores, rules: RebaseRules) -> Rebase | None:
    """The rebase between two pulls, told by the column in which the largest share of the models
    moved; None where no column was rebased."""
    found = list(_rebases(before, after, rules))
    return max(found, key=lambda rebase: rebase.moved / rebase.common, default=None)


def _rebases(before: Scores, after: Scores, rules: RebaseRules) -> Iterator[Rebase]:
    for column, values in sorted(before.items()):
        others = after.get(column, {})
        if others == values:
            continue
        pairs = [(value, others[name]) for name, value in values.items() if name in others]
        threshold = rules.min_move * _deviation([value for value, _ in pairs])
        moves = [
            (value, other - value)
            for value, other in pairs
            if other != value and abs(other - value) >= threshold
        ]
        if len(moves) < max(rules.min_moved, rules.min_moved_share * len(pairs)):
            continue
        if _one_way(moves) >= rules.min_one_way or _explained(moves) >= rules.min_explained:
            is_partial = len(moves) < rules.full_share * len(pairs)
            yield Rebase(column, len(moves), len(pairs), is_partial)


def _one_way(moves: Sequence[tuple[float, float]]) -> float:
    """The share of the moves that go in the direction of most."""
    up = sum(move > 0 for _, move in moves)
    return max(up, len(moves) - up) / len(moves)


def _explained(moves: Sequence[tuple[float, float]]) -> float:
    """The coefficient of determination of the least-squares line of the moves on the values
    before: near 1 where all follow one affine map, near 0 where each goes its own way."""
    values = _centred([value for value, _ in moves])
    sizes = _centred([move for _, move in moves])
    spread = fsum(v * v for v in values) * fsum(s * s for s in sizes)
    together = fsum(v * s for v, s in zip(values, sizes, strict=True))
    return together * together / spread if spread else 0.0


def _centred(values: Sequence[float]) -> list[float]:
    mean = fsum(values) / len(values)
    return [value - mean for value in values]


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation of the population; 0.0 where there is none."""
    return sqrt(fsum(v * v for v in _centred(values)) / len(values)) if values else 0.0
