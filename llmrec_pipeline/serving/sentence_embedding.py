"""The sentence embedding: a MiniLM in ONNX, on the CPU, from installed packages, without a network.

Only this module knows onnxruntime and tokenizers; whatever has a `name` and turns a
text into a vector of length 1 (`domain.embedding.Embedder`) can stand in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_LONGEST_TEXT = 256  # word pieces; what the model was trained on


class EmbeddingError(Exception):
    """The embedding cannot be used; one line with the remedy."""


class MiniLm:
    """Mean of the last hidden states over a text's word pieces, scaled to length 1.

    `pins` is the part `embedding.files` of config/task_model.json. Raises EmbeddingError where a
    package is missing or a file is not the pinned one.
    """

    def __init__(self, name: str, dimensions: int, pins: Mapping[str, Mapping[str, str]]) -> None:
        model, tokenizer = (_pinned(pins[part]) for part in ("model", "tokenizer"))
        try:
            import onnxruntime  # type: ignore[import-untyped]
            import tokenizers
        except ImportError as error:
            raise _not_installed(str(error.name)) from None
        self.name = name
        self.dimensions = dimensions
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one text at a time: more threads only wait
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(_LONGEST_TEXT)
        self._tokenizer.no_padding()

    def __call__(self, text: str) -> list[float]:
        """`dimensions` numbers, of length 1; of a longer text the first 256 word pieces count."""
        import numpy as np

        pieces = self._tokenizer.encode(text)
        ids = np.array([pieces.ids], dtype=np.int64)
        mask = np.array([pieces.attention_mask], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, inputs)[0][0]
        mean = (states * mask[0][:, None]).sum(axis=0) / max(1, int(mask.sum()))
        unit: list[float] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).tolist()
        return unit


def _pinned(pin: Mapping[str, str]) -> Path:
    """The file of an installed package, if it is the pinned one."""
    found = find_spec(pin["package"])
    if found is None or not found.submodule_search_locations:
        raise _not_installed(pin["package"])
    path = Path(found.submodule_search_locations[0]) / pin["file"]
    if not path.is_file():
        raise EmbeddingError(f"{path}: not there; install the pinned version of {pin['package']}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != pin["sha256"]:
        raise EmbeddingError(
            f"{path}: SHA-256 {digest} is not the pinned {pin['sha256']}; install the version that"
            " requirements.lock names"
        )
    return path


def _not_installed(package: str) -> EmbeddingError:
    return EmbeddingError(
        f"{package} is not installed; pip install 'llmrec-pipeline[embeddings]', or ask for"
        " the understanding words"
    )


def embedder_of(model: Mapping[str, Any]) -> MiniLm:
    """The embedder on which a task model was fitted, from the content of its file; raises
    EmbeddingError."""
    part = model["embedding"]
    return MiniLm(part["name"], part["dimensions"], part["files"])
