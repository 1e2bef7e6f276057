"""The task type of a text as probabilities: a multinomial logistic regression over its features,
and over a sentence embedding where there is one.

    logits = bias + Σ blocks Σ features value · weight           (words, letters, lists, shape)
    logits = (1 - s) · logits + s · (bias' + W' · embedding)     (s: the embedding's `share`)
    p      = softmax(logits / temperature)

What belongs here: inference from fitted numbers. What does not: fitting, files, and the embedding
itself, which comes from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum
from typing import Any, TypeVar

from llmrec_pipeline.domain.embedding import Embedder
from llmrec_pipeline.domain.request_tokens import Text
from llmrec_pipeline.domain.task_features import LETTERS, WORDS, Features, features, left_text

WEIGHT_SCALE = 100  # fitted numbers are stored as hundredths
WORDS_ONLY, FULL = "words", "full"
UNDERSTANDINGS = (WORDS_ONLY, FULL)
_RARE = (WORDS, LETTERS)  # blocks whose features weigh more the rarer they are
_REASONS = 5
_TELLING = 4  # letters: shorter words ("a", "the") tell much to a sum and little to a reader

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class TaskReading:
    """Probabilities by task type (they sum to 1), what spoke for the first, and by what means."""

    probabilities: Mapping[str, float]
    why: tuple[str, ...]
    understanding: str


class _Read(Mapping[str, Value]):
    """What texts say, each read when it is asked for: of thousands of features a request has dozens,
    and reading all would take longer than an answer."""

    def __init__(self, written: Mapping[str, str], read: Callable[[str], Value]) -> None:
        self._written, self._read = written, read
        self._known: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        if name not in self._known:
            self._known[name] = self._read(self._written[name])
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._written

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


def _numbers(written: str) -> tuple[float, ...]:
    return tuple(map(float, written.split()))


def _first(written: str) -> float:
    return float(written.partition(" ")[0])


def _after_first(written: str) -> tuple[float, ...]:
    return _numbers(written.partition(" ")[2])


@dataclass(frozen=True, slots=True)
class EmbeddingPart:
    """The regression on the embedding of the model `name`: a row of weights a task type."""

    name: str
    share: float
    bias: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class TaskModel:
    """A fitted model. `idf` holds for words and letters how rare they are, `weights` for each block
    and feature a weight a task type, in hundredths; `texts` is the SHA-256 of the training texts;
    the temperatures are those of the two understandings."""

    task_types: tuple[str, ...]
    texts: str
    bias: tuple[float, ...]
    idf: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, Mapping[str, Sequence[float]]]
    temperatures: Mapping[str, float]
    embedding: EmbeddingPart

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> TaskModel:
        """From the content of the model's file: of each feature its numbers as one text, of words
        and letters the idf before the weights."""
        part = content["embedding"]
        rows = content["features"]
        return cls(
            task_types=tuple(content["task_types"]),
            texts=content["texts_sha256"],
            bias=tuple(content["bias"]),
            idf={block: _Read(rows[block], _first) for block in _RARE},
            weights={
                block: _Read(named, _after_first if block in _RARE else _numbers)
                for block, named in rows.items()
            },
            temperatures=content["temperatures"],
            embedding=EmbeddingPart(
                part["name"],
                part["share"],
                tuple(part["bias"]),
                tuple(tuple(row) for row in part["weights"]),
            ),
        )

    def read(
        self, text: Text, listed: Mapping[str, float], embedder: Embedder | None = None
    ) -> TaskReading:
        """The task types of what constraints left of a text.

        `listed` gives for each task type the weight of its configured words in the text. An
        embedder of another model than the one that was fitted is refused with ValueError.
        """
        found = features(text, listed, self.idf)
        logits, spoke = self._from_words(found)
        understanding = WORDS_ONLY
        if embedder is not None:
            understanding = FULL
            logits = self._with_embedding(logits, embedder, left_text(text))
        temperature = self.temperatures[understanding]
        shares = _softmax([logit / temperature for logit in logits])
        probabilities = dict(zip(self.task_types, shares, strict=True))
        best = max(range(len(shares)), key=shares.__getitem__)
        return TaskReading(probabilities, _reasons(spoke, best), understanding)

    def _from_words(self, found: Features) -> tuple[list[float], dict[str, list[float]]]:
        logits = list(self.bias)
        spoke: dict[str, list[float]] = {}
        for block, values in found.items():
            weights = self.weights[block]
            for name, value in values.items():
                if (row := weights.get(name)) is None:
                    continue
                parts = [value * weight / WEIGHT_SCALE for weight in row]
                logits = [logit + part for logit, part in zip(logits, parts, strict=True)]
                if block == WORDS:
                    spoke[name] = parts
        return logits, spoke

    def _with_embedding(
        self, logits: Sequence[float], embedder: Embedder, text: str
    ) -> list[float]:
        part = self.embedding
        if embedder.name != part.name:
            raise ValueError(f"the task model was fitted on {part.name}, not on {embedder.name}")
        vector = embedder(text)
        share = part.share
        return [
            (1 - share) * logit
            + share * (bias + fsum(w * x for w, x in zip(row, vector, strict=True)) / WEIGHT_SCALE)
            for logit, bias, row in zip(logits, part.bias, part.weights, strict=True)
        ]


def _reasons(spoke: Mapping[str, Sequence[float]], best: int) -> tuple[str, ...]:
    """The telling words that spoke most for a task type, above the average of all types."""
    gains: dict[str, float] = {}
    for name, parts in spoke.items():
        word = name.removeprefix("^")
        if any(len(part) >= _TELLING or not part.isascii() for part in word.split()):
            gain = parts[best] - fsum(parts) / len(parts)
            gains[word] = gains.get(word, 0.0) + gain
    ranked = sorted(gains, key=lambda word: (-gains[word], word))
    return tuple(word for word in ranked[:_REASONS] if gains[word] > 0)


def _softmax(logits: Sequence[float]) -> list[float]:
    highest = max(logits)
    powers = [exp(logit - highest) for logit in logits]
    total = fsum(powers)
    return [power / total for power in powers]


def mix(probabilities: Mapping[str, float], dominance: float, least: float) -> dict[str, float]:
    """The task types that a text may mean, likeliest first, as shares that sum to 1: the first
    alone where its probability is at least `dominance`, else all with at least `least`."""
    ranked = sorted(probabilities, key=lambda name: -probabilities[name])
    if not ranked:
        return {}
    kept = ranked[:1]
    if probabilities[ranked[0]] < dominance:
        kept += [name for name in ranked[1:] if probabilities[name] >= least]
    total = fsum(probabilities[name] for name in kept)
    return {name: probabilities[name] / total for name in kept}
