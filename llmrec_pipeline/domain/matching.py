"""Which texts are most like another: cosine similarity of embeddings.

Belongs here: the comparison, and the embedding that needs nothing installed. Does not belong here:
the texts (`domain.model_cards`) and loading a model. numpy is imported late.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import log, sqrt
from typing import NamedTuple

from llmrec_pipeline.domain.embedding import Embedder

_WORD = re.compile(r"[^\W_]+")
_DIMENSIONS = 512


class HashedWords:
    """Counts of words, hashed into a fixed number of places: knows spelling, not meaning."""

    name = "hashed_words"

    def __call__(self, text: str) -> list[float]:
        """512 numbers: 1 + ln(count) of each word, signed by its hash; of length 1, or zeros."""
        return _hashed(text)


class Remembered:
    """An embedder that does not embed a text again that it had lately."""

    def __init__(self, embedder: Embedder, size: int) -> None:
        self.name = embedder.name
        self._embed = lru_cache(size)(embedder)

    def __call__(self, text: str) -> Sequence[float]:
        """What the embedder makes of it."""
        return self._embed(text)


def _hashed(text: str) -> list[float]:
    vector = [0.0] * _DIMENSIONS
    for word, count in Counter(_WORD.findall(text.casefold())).items():
        digest = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
        sign = 1.0 if digest & 1 else -1.0
        vector[(digest >> 1) % _DIMENSIONS] += sign * (1.0 + log(count))
    length = sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector


class SimilarText(NamedTuple):
    """One text by its id, and its cosine similarity, from -1 to 1."""

    id: str
    similarity: float


class TextIndex:
    """Texts by id, embedded once."""

    def __init__(self, embedder: Embedder, texts: Mapping[str, str]) -> None:
        import numpy as np

        self._embedder = embedder
        self._ids = list(texts)
        self._vectors = np.array([embedder(text) for text in texts.values()], dtype=np.float64)

    @property
    def embedder(self) -> Embedder:
        """What embeds its texts."""
        return self._embedder

    def nearest(self, text: str, count: int) -> list[SimilarText]:
        """The texts most like this one, ties by id; nothing for a text without a word."""
        import numpy as np

        if not self._ids:
            return []
        vector = np.asarray(self._embedder(text), dtype=np.float64)
        if not vector.any():
            return []
        found = zip(self._ids, (self._vectors @ vector).tolist(), strict=True)
        ranked = sorted(found, key=lambda item: (-item[1], item[0]))
        return [SimilarText(name, round(value, 6)) for name, value in ranked[:count]]
