"""What of a text tells its task type: words, letters, listed words and shape, as weighted features.

The model is fitted on these features and reads by them, so both sides call this module. Standard
library only: a fitted model needs nothing else.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import log, sqrt

from llmrec_pipeline.domain.request_tokens import Text

WORDS, LETTERS, LISTS, SHAPE = BLOCKS = ("words", "letters", "lists", "shape")
_READ_FIRST, _READ_LAST = 400, 150  # tokens: what is wanted stands at either end of a long paste
_NUMBER = "#"
_LENGTHS = (3, 4)  # letters of a piece
_BOUNDARY = "_"
_SIZES = (6, 12, 25, 60, 150)  # tokens
_CODE_SIGNS = frozenset("{}[]();=<>`")
_SIGNS = frozenset('?!"$\\%@') | {"^", "'"}
_MANY_SIGNS = 0.08  # share of the tokens

Features = dict[str, dict[str, float]]
"""Feature values by block and name; each block has length 1, or is empty."""


def features(
    text: Text, listed: Mapping[str, float], idf: Mapping[str, Mapping[str, float]] | None = None
) -> Features:
    """The features of what a reading left of a text.

    `listed` gives for each task type the weight of its configured words in the text. `idf` weighs
    words and letters by rarity and drops those it does not know; without it they count plainly.
    """
    tokens = left(text)
    counted = {
        WORDS: _tf(_words(tokens)),
        LETTERS: _tf(_letters(tokens)),
        LISTS: dict(listed),
        SHAPE: dict.fromkeys(_shape(text, tokens), 1.0),
    }
    if idf is not None:
        for block in (WORDS, LETTERS):
            known = idf[block]
            counted[block] = {
                name: value * known[name] for name, value in counted[block].items() if name in known
            }
    return {block: _unit_length(values) for block, values in counted.items()}


def left(text: Text) -> list[str]:
    """The tokens that no constraint used, of a long text the first and the last."""
    tokens = [
        _NUMBER if token.number is not None else token.text
        for token, taken in zip(text.tokens, text.taken, strict=True)
        if not taken
    ]
    if len(tokens) <= _READ_FIRST + _READ_LAST:
        return tokens
    return [*tokens[:_READ_FIRST], *tokens[-_READ_LAST:]]


def left_text(text: Text) -> str:
    """The text that no constraint used, folded."""
    parts: list[str] = []
    start = 0
    for token, taken in zip(text.tokens, text.taken, strict=True):
        if taken:
            parts.append(text.folded[start : token.start])
            start = token.end
    return " ".join([*parts, text.folded[start:]]).strip(" ,.;:")


def _words(tokens: list[str]) -> Iterator[str]:
    yield from tokens
    for one, other in itertools.pairwise(tokens):
        yield f"{one} {other}"
    # How a text begins tells an order from a question.
    for count in (1, 2):
        if len(tokens) >= count:
            yield f"^{' '.join(tokens[:count])}"


def _letters(tokens: Iterable[str]) -> Iterator[str]:
    for token in tokens:
        if len(token) > 1 and token[0].isalpha():
            bounded = f"{_BOUNDARY}{token}{_BOUNDARY}"
            for length in _LENGTHS:
                for start in range(len(bounded) - length + 1):
                    yield bounded[start : start + length]


def _shape(text: Text, tokens: list[str]) -> Iterator[str]:
    count = max(1, len(tokens))
    yield f"size:{sum(count > size for size in _SIZES)}"
    if "\n" in text.folded.strip():
        yield "lines"
    if sum(token in _CODE_SIGNS for token in tokens) > _MANY_SIGNS * count:
        yield "code"
    if sum(token == _NUMBER for token in tokens) > _MANY_SIGNS * count:
        yield "numbers"
    for sign in sorted(_SIGNS.intersection(tokens)):
        yield f"sign:{sign}"


def _tf(names: Iterable[str]) -> dict[str, float]:
    return {name: 1.0 + log(count) for name, count in Counter(names).items()}


def _unit_length(values: Mapping[str, float]) -> dict[str, float]:
    length = sqrt(sum(value * value for value in values.values()))
    return {name: value / length for name, value in values.items()} if length else {}
