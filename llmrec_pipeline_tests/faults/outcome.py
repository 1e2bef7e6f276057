"""What a fault came to, and the page on which the outcomes stand."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llmrec_pipeline.sources.pull import one_line

COLUMNS = ("what", "cases", "held", "lost", "half", "seconds", "detail")


@dataclass
class Outcome:
    """`held` counts the cases after which the next ordinary call succeeded, or that were refused by
    the line that they must be, `lost` what was acknowledged and is gone or was served wrong, `half`
    what was found incomplete."""

    cases: int = 0
    held: int = 0
    lost: int = 0
    half: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return self.lost == 0 and self.half == 0 and self.held == self.cases

    def tell(self, told: str) -> None:
        """Say something, once."""
        if told not in self.details:
            self.details.append(told)

    def add(self, other: Outcome) -> None:
        """Count the cases of another one, too."""
        self.cases += other.cases
        self.held += other.held
        self.lost += other.lost
        self.half += other.half
        for told in other.details:
            self.tell(told)

    def broke(self, error: Exception) -> None:
        """Count a case as lost that ended in this."""
        self.cases += 1
        self.lost += 1
        self.tell(f"{type(error).__name__}: {one_line(str(error))}")

    def refusal(self, told: str, *needed: str) -> None:
        """Count a case whose one message must name these."""
        self.cases += 1
        missing = [word for word in needed if word not in told]
        if missing or "Traceback" in told:
            self.lost += 1
            self.tell(f"said: {told[:200]!r}")
        else:
            self.held += 1


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a fault plays, its dice, and whether only a taste of it is wanted."""

    folder: Path
    dice: random.Random
    is_short: bool

    def times(self, many: int, few: int = 1) -> int:
        """How often to try."""
        return few if self.is_short else many


Fault = Callable[[Setting], Outcome]


def as_table(rows: Sequence[tuple[str, Outcome, float]]) -> str:
    """The outcomes as a Markdown table, which reads well on a terminal, too."""
    cells = [COLUMNS, *(_cells(*row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(COLUMNS) - 1)]
    lines = [
        "| " + " | ".join([*map(str.ljust, row[:-1], widths), row[-1]]) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in (*widths, len(COLUMNS[-1]))) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _cells(name: str, outcome: Outcome, seconds: float) -> tuple[str, ...]:
    counts = (outcome.cases, outcome.held, outcome.lost, outcome.half)
    detail = "; ".join(outcome.details).replace("|", "/")
    return (name, *map(str, counts), f"{seconds:.1f}", detail)
