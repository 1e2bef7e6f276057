"""What an embedding is here: a text as a vector, by whatever means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns a text into a vector of length 1, or of zeros where it has no word; of one embedder all
    are equally long."""

    @property
    def name(self) -> str:
        """By which means, as answers and a task model tell it."""

    def __call__(self, text: str) -> Sequence[float]:
        """The text's vector."""
