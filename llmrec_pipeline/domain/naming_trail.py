"""Why a name means what it means: the steps of one reading, and the rows that decided each.

What belongs here: the notes that the identity rules take while they read, for whoever asks for
them. What does not: the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Reasoned(Protocol):
    """A row of a table that says why it holds."""

    @property
    def reason(self) -> str:
        """Why the row holds, in words."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was read or decided; `reason` is that of the deciding row."""

    step: str
    text: str
    reason: str | None = None


@dataclass(slots=True)
class Trail:
    """The steps so far, in order."""

    steps: list[Step] = field(default_factory=list)

    def note(self, step: str, text: str, row: Reasoned | None = None) -> None:
        """Add a step."""
        self.steps.append(Step(step, text, None if row is None else row.reason))


class Untold(Trail):
    """For ten thousand names of which nobody asks why: keeps nothing."""

    def note(self, step: str, text: str, row: Reasoned | None = None) -> None:
        """Forget it."""


UNTOLD = Untold()
