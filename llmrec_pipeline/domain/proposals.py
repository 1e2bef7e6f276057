"""The nearest known model to a name that no rule could join: for a person to decide.

What belongs here: how alike two names are, and what to show of it. What does not: joining. A
proposal stands in the review table and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from llmrec_pipeline.domain.model_key import base_model_of
from llmrec_pipeline.domain.model_text import slug


@dataclass(frozen=True, slots=True)
class Proposal:
    """`key`: the model proposed. `score`: 0 to 1, RapidFuzz's ratio (twice the matching letters
    over all letters) of the words in alphabetical order. `evidence`: one line."""

    key: str
    score: float
    evidence: str


class Proposals:
    """Known base models, each to be proposed for a name that is like its own."""

    def __init__(self, base_models: Iterable[str], min_score: float) -> None:
        self._keys = sorted(set(base_models))
        self._texts = [_sorted_words(_name_of(key)) for key in self._keys]
        self._least = min_score * 100

    def nearest(self, name: str) -> Proposal | None:
        """The most alike model that is alike enough; the first by key of several."""
        found = process.extractOne(
            _sorted_words(name), self._texts, scorer=fuzz.ratio, score_cutoff=self._least
        )
        return None if found is None else proposed(name, self._keys[found[2]])


def proposed(name: str, key: str) -> Proposal:
    """A model as the proposal for a name, with how alike they are."""
    theirs, ours = Counter(_words(name)), Counter(_words(_name_of(key)))
    score = fuzz.ratio(_sorted_words(name), _sorted_words(_name_of(key))) / 100
    parts = {
        "both say": theirs & ours,
        "only the name says": theirs - ours,
        "only the model says": ours - theirs,
    }
    said = [
        f"{what} {' '.join(sorted(words.elements()))}" for what, words in parts.items() if words
    ]
    return Proposal(key, round(score, 4), "; ".join(said))


def _words(name: str) -> list[str]:
    return slug(name.rpartition("/")[2]).split("-")


def _sorted_words(name: str) -> str:
    return " ".join(sorted(_words(name)))


def _name_of(key: str) -> str:
    """`base-release` of a key."""
    return base_model_of(key).partition("/")[2].replace("@", "-")
