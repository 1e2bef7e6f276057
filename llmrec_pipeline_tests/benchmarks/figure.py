"""A figure of a benchmark, what it is compared with, and the table of many."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_COLUMNS = ("what", "ours", "compared with", "ratio", "goal", "met")


class Goal(NamedTuple):
    """What a figure should be: at most, or at least, so much. It is about the ratio where there is
    something to compare with, else about the figure itself."""

    value: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `against` names what `theirs`, in the same unit, was measured of."""

    what: str
    ours: float
    unit: str
    against: str = ""
    theirs: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs; None without something to compare with."""
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def is_met(self) -> bool | None:
        """None without a goal."""
        if self.goal is None:
            return None
        return self.goal.is_met(self.ours if self.ratio is None else self.ratio)

    def cells(self) -> tuple[str, ...]:
        """The line's cells, in the order of the table's columns."""
        against = (
            "" if self.theirs is None else f"{self.against}: {_short(self.theirs)} {self.unit}"
        )
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = {None: "", True: "yes", False: "no"}[self.is_met]
        return (
            self.what,
            f"{_short(self.ours)} {self.unit}",
            against,
            ratio,
            "" if self.goal is None else str(self.goal),
            met,
        )


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`measure` gives the figures, `measure_small` those of a smaller case where the whole one takes
    minutes; `about` says in one line what they are of, `found` what a profile showed and what was
    done about it, `next_step` why a figure may fall short and what would mend it."""

    name: str
    about: str
    measure: Callable[[], Sequence[Figure]]
    found: str = ""
    next_step: str = ""
    measure_small: Callable[[], Sequence[Figure]] | None = None


def table(figures: Sequence[Figure]) -> str:
    """All figures as one Markdown table with aligned columns."""
    rows = [_COLUMNS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def progress(text: str) -> None:
    """A line on stderr: standard output belongs to the table."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def seconds_in_turn(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], repetitions: int
) -> list[float]:
    """Median seconds of each command, run in turn, so that whatever else the machine does falls on
    all alike. The first round only warms the machine."""
    taken: list[list[float]] = [[] for _ in commands]
    for number in range(repetitions + 1):
        for command, seconds in zip(commands, taken, strict=True):
            started = time.perf_counter()
            subprocess.run(command, env=dict(environment), check=True, capture_output=True)
            if number:
                seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in taken]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
