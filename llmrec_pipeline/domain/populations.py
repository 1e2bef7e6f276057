"""Frozen populations: the scale on which a measure's values are compared with other measures'.

A measure is one (publisher, index column or benchmark with category, index version). Its population
is what the first accepted pull that holds enough of it said. It is a pure function of the pulls and
never of who is there today, so a new model moves nobody; where a licence forbids to give a
publisher's values on, each installation freezes its own from its own pulls.

Belongs here: what a population is and what it makes of a value. Does not belong here: finding the
first pull (`storage/sql/measure_populations.sql`), combining measures (`domain.consensus`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

_STANDARD_NORMAL = NormalDist()


class MeasureKey(NamedTuple):
    """A measure. `name` is an index column or a benchmark; an index column has no category; an
    `index_version` of None means that the publisher names none."""

    source: str
    name: str
    category: str | None
    index_version: str | None

    def __str__(self) -> str:
        name = self.name if self.category is None else f"{self.name}: {self.category}"
        version = "" if self.index_version is None else f", index version {self.index_version}"
        return f"{self.source} {name}{version}"

    @property
    def sort_key(self) -> tuple[str, str, str, str]:
        """A total order; None comes first."""
        return self.source, self.name, self.category or "", self.index_version or ""


class Scale(NamedTuple):
    """Parameters of a population, in the measure's own unit: mean, standard deviation (divided by
    n; 1 where all values are one), lowest, median and highest value, and how many there are."""

    mean: float
    sd: float
    lowest: float
    median: float
    highest: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """Of at least one finite value, in any order."""
        ordered = sorted(values)
        n = len(ordered)
        mean = fsum(ordered) / n
        sd = sqrt(fsum((value - mean) ** 2 for value in ordered) / n)
        median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
        return cls(mean, sd if sd > 0.0 else 1.0, ordered[0], median, ordered[-1], n)

    def standardised(self, value: float) -> float:
        """Standard deviations above the mean."""
        return (value - self.mean) / self.sd


@dataclass(frozen=True)
class Population:
    """A measure's population: the pull that it comes from, and the value of each model in it.

    A model that no identity rule names stands in it without a key.
    """

    measure: MeasureKey
    snapshot_ts: str
    content_hash: str
    members: tuple[tuple[str | None, float], ...]

    @cached_property
    def scale(self) -> Scale:
        """Parameters of its values."""
        return Scale.of([value for _, value in self.members])

    @cached_property
    def _knots(self) -> tuple[list[float], list[float]]:
        """The different values, lowest first, and the standard normal quantile of each one's rank,
        ties in the middle: rank / (n + 1)."""
        ordered = sorted(value for _, value in self.members)
        values = sorted(set(ordered))
        ranks = [
            (bisect_left(ordered, value) + 1 + bisect_right(ordered, value)) / 2 for value in values
        ]
        return values, [_STANDARD_NORMAL.inv_cdf(rank / (len(ordered) + 1)) for rank in ranks]

    def normal_score(self, value: float) -> float:
        """The quantile of a value's rank in the population, in standard deviations. Between two
        members it is linear; beyond all of them it goes on by the population's own standard
        deviation, so that models better than any then are still told apart."""
        values, scores = self._knots
        if value <= values[0]:
            return scores[0] + (value - values[0]) / self.scale.sd
        if value >= values[-1]:
            return scores[-1] + (value - values[-1]) / self.scale.sd
        above = bisect_right(values, value)
        below = above - 1
        share = (value - values[below]) / (values[above] - values[below])
        return scores[below] + share * (scores[above] - scores[below])
