"""Boards of index values as a publisher shows them day after day, all invented: whole and partial
rebases, days with a part of the models, ordinary days. Equal seeds, equal boards.

`python -m llmrec_pipeline_tests.index_histories` prints how many rebases are found, and how many
ordinary days are taken for one, over many seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmrec_pipeline.domain.rebases import RebaseRules, Scores, find_rebase
from llmrec_pipeline.settings import load_settings

Values = NDArray[np.float64]

# Lowest value, span and share of missing values of each column.
_COLUMNS = {
    "quality_index": (5, 60, 0.0),
    "coding_index": (2, 60, 0.25),
    "math_index": (5, 90, 0.4),
    "reasoning_index": (20, 70, 0.1),
}
_Dice = np.random.Generator

KINDS_OF_MAP: Mapping[str, Callable[[Values, _Dice], Values]] = {
    "scaled down": lambda values, dice: values * dice.uniform(0.6, 0.9),
    "scaled up": lambda values, dice: values * dice.uniform(1.1, 1.3),
    "shifted": lambda values, dice: values - dice.uniform(2, 10),
    "squeezed about its middle": lambda values, dice: (
        values + dice.uniform(0.3, 0.5) * (np.nanmedian(values) - values)
    ),
    "harder for the weak": lambda values, dice: 100 * (values / 100) ** dice.uniform(1.2, 1.6),
}


@dataclass(frozen=True)
class IndexBoard:
    """The values of one day by column, NaN where there is none."""

    values: Mapping[str, Values]
    seed: int

    @classmethod
    def invented(cls, seed: int, models: int) -> IndexBoard:
        dice = np.random.default_rng(seed)
        ability = dice.beta(2, 2.5, models)
        values = {}
        for column, (low, span, missing) in _COLUMNS.items():
            column_values = low + span * ability + dice.normal(0, 0.06 * span, models)
            values[column] = _as_published(column_values)
            values[column][dice.random(models) < missing] = np.nan
        return cls(values, seed)

    def scores(self) -> Scores:
        return {
            column: {f"m{n}": float(v) for n, v in enumerate(values) if not np.isnan(v)}
            for column, values in self.values.items()
        }

    def rebased(self, kind: str, share: float) -> IndexBoard:
        """A share of the models on another scale, each re-scored with a noise of one point."""
        dice = np.random.default_rng([self.seed, 1])
        count = self._models
        chosen = np.zeros(count, dtype=bool)
        chosen[dice.choice(count, round(share * count), replace=False)] = True
        values = {}
        for column, before in self.values.items():
            after = KINDS_OF_MAP[kind](before, dice) + dice.normal(0, 1, count)
            values[column] = np.where(chosen, _as_published(after), before)
        return replace(self, values=values)

    def next_day(self, kind: str) -> IndexBoard:
        return ORDINARY_DAYS[kind](self, np.random.default_rng([self.seed, 2]))

    def part(self, share: float) -> IndexBoard:
        """A response with that share of the models."""
        dice = np.random.default_rng([self.seed, 3])
        return self._without(dice.random(self._models) >= share)

    def remeasured(self, noise: float) -> IndexBoard:
        """Every model measured anew, with independent noise."""
        dice = np.random.default_rng([self.seed, 4])
        return self._each(lambda v: _as_published(v + dice.normal(0, noise, v.size)))

    @property
    def _models(self) -> int:
        return next(iter(self.values.values())).size

    def _each(self, change: Callable[[Values], Values]) -> IndexBoard:
        return replace(self, values={name: change(v) for name, v in self.values.items()})

    def _without(self, gone: NDArray[np.bool_]) -> IndexBoard:
        return self._each(lambda v: np.where(gone, np.nan, v))


def _as_published(values: Values) -> Values:
    return np.clip(values, 0, 100).round(1)


def _corrected(board: IndexBoard, dice: _Dice) -> IndexBoard:
    """Up to 6 % of the models, in whichever direction."""
    count = board._models
    moves = np.zeros(count)
    chosen = dice.choice(count, int(dice.uniform(0, 0.06) * count), replace=False)
    moves[chosen] = dice.normal(0, 6, chosen.size)
    return board._each(lambda v: _as_published(v + moves))


def _improved(board: IndexBoard, dice: _Dice) -> IndexBoard:
    """Up to 6 % of the models, all of them up."""
    count = board._models
    moves = np.zeros(count)
    chosen = dice.choice(count, int(dice.uniform(0, 0.06) * count), replace=False)
    moves[chosen] = np.abs(dice.normal(0, 6, chosen.size))
    return board._each(lambda v: _as_published(v + moves))


def _appearing_and_vanishing(board: IndexBoard, dice: _Dice) -> IndexBoard:
    def change(values: Values) -> Values:
        chosen = dice.random(values.size) < 0.04
        found = dice.uniform(10, 60, values.size).round(1)
        return np.where(chosen, np.where(np.isnan(values), found, np.nan), values)

    return board._each(change)


ORDINARY_DAYS: Mapping[str, Callable[[IndexBoard, _Dice], IndexBoard]] = {
    "nothing": lambda board, _: board,
    "a few models corrected": _corrected,
    "a few models improved": _improved,
    "models dropped": lambda board, dice: board._without(dice.random(board._models) < 0.05),
    "rounded to whole points": lambda board, _: board._each(np.round),
    "noise in the last digit": lambda board, _: board.remeasured(0.1),
    "values that appear and vanish": _appearing_and_vanishing,
}


def main(seeds: int = 300) -> None:
    """Print one line for each size of a board."""
    rules = RebaseRules(**load_settings({}).pipeline.acceptance.rebase.model_dump())
    for models in (40, 60, 150, 500):
        boards = [IndexBoard.invented(seed, models) for seed in range(seeds)]
        line = [f"{models} models, {seeds} seeds:"]
        for share in (1.0, 0.5, 0.3, 0.2, 0.15):
            found = [
                find_rebase(board.scores(), board.rebased(kind, share).scores(), rules) is not None
                for board in boards
                for kind in KINDS_OF_MAP
            ]
            line.append(f"{share:.0%} rebased {np.mean(found):.1%} found,")
        false = [
            find_rebase(board.scores(), board.next_day(kind).scores(), rules) is not None
            for board in boards
            for kind in ORDINARY_DAYS
        ]
        line.append(f"{sum(false)} false alarms in {len(false)} ordinary days")
        sys.stdout.write(" ".join(line) + "\n")


if __name__ == "__main__":
    main()
