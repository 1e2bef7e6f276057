"""How well requests in words are understood:

    python -m llmrec_pipeline_tests.task_quality

Macro-F1 of the task type, by words and with the embedding: on the labelled requests; on training
texts that a model fitted without them reads, held out one by one (five folds) and by whole topics,
which is the honest figure for a new kind of text; and, where LLMREC_RECORDINGS is set, on recorded
prompts that no training text was taken from. Then the share of labelled requests whose constraints
are all exact: those that the grammar was written beside, and those labelled before it saw them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.embedding import Embedder
from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.task_model import FULL, UNDERSTANDINGS, TaskModel
from llmrec_pipeline.domain.task_profile import NO_PRIORITY, RequestError, RequestReading
from llmrec_pipeline_tests import task_fitting as fitting

_LABELS = Path(__file__).with_name("request_labels.jsonl")
_FOLDS = 5
_WIDTH = 46

Pair = tuple[str, str]
"""The task type that a text has, and the one that is read."""


@cache
def requests() -> list[dict[str, Any]]:
    """The labelled requests; `half` 1 the grammar was written beside, 2 it had not seen."""
    return [json.loads(line) for line in _LABELS.read_text("utf-8").splitlines()]


def recorded_prompts() -> list[dict[str, str]]:
    """Recorded prompts with their task type; none without LLMREC_RECORDINGS."""
    folder = os.environ.get("LLMREC_RECORDINGS")
    if not folder:
        return []
    path = Path(folder) / "task_prompts_dev.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [{"task_type": row["label"], "text": row["text"]} for row in rows]


class _Cached:
    """The pinned embedder, each text once."""

    name = fitting.EMBEDDING["name"]
    dimensions = fitting.EMBEDDING["dimensions"]

    def __call__(self, text: str) -> Sequence[float]:
        return fitting.embedded(text)


def shipped_model() -> TaskModel:
    """The model as it is shipped."""
    return TaskModel.from_mapping(json.loads(fitting.MODEL.read_text("utf-8")))


def macro_f1(pairs: Sequence[Pair]) -> float:
    """The mean over the task types that occur of the harmonic mean of precision and recall."""
    scores = []
    for name in sorted({truth for truth, _ in pairs}):
        hits = sum(truth == read == name for truth, read in pairs)
        said = sum(read == name for _, read in pairs)
        real = sum(truth == name for truth, _ in pairs)
        scores.append(2 * hits / (said + real))
    return sum(scores) / len(scores)


def read_types(
    model: TaskModel, rows: Iterable[fitting.Labelled], embedder: Embedder | None
) -> list[Pair]:
    """What a model reads of texts, beside what they are."""
    pairs = []
    for row in rows:
        shares = model.read(row.rest, row.listed, embedder).probabilities
        pairs.append((row.task_type, max(shares, key=lambda name: shares[name])))
    return pairs


def held_out(
    fold_of: Callable[[fitting.Labelled, int], str], style: str, embedder: Embedder | None
) -> list[Pair]:
    """Training texts of a style, each read by a model that was fitted without its fold."""
    pairs: list[Pair] = []
    for model, rows in _folds(fold_of):
        pairs += read_types(model, (row for row in rows if row.style == style), embedder)
    return pairs


@cache
def _training() -> list[fitting.Labelled]:
    return fitting.labelled(fitting.texts())


@cache
def _folds(
    fold_of: Callable[[fitting.Labelled, int], str],
) -> list[tuple[TaskModel, list[fitting.Labelled]]]:
    keys = [_fold(fold_of(row, index)) for index, row in enumerate(_training())]
    found = []
    for fold in range(_FOLDS):
        inside = [row for row, key in zip(_training(), keys, strict=True) if key != fold]
        outside = [row for row, key in zip(_training(), keys, strict=True) if key == fold]
        content = {"texts_sha256": "", **fitting.fitted(inside)}
        found.append((TaskModel.from_mapping(content), outside))
    return found


def _fold(name: str) -> int:
    return int(sha256(name.encode()).hexdigest(), 16) % _FOLDS


def by_text(row: fitting.Labelled, index: int) -> str:
    """Each text by itself."""
    return f"{row.task_type}{index}"


def by_topic(row: fitting.Labelled, index: int) -> str:
    """All texts of one topic together."""
    return f"{row.task_type}/{row.topic}"


def constraints_exact(reader: RequestReader, row: dict[str, Any]) -> bool:
    """Whether price, context and providers of a request, and capabilities where they are
    labelled, are all as labelled."""
    try:
        reading = reader.read(row["text"])
    except RequestError:
        return False
    found = constraints_of(reading)
    return all(
        found[name] == (sorted(value) if isinstance(value, list) else value)
        for name, value in row["expect"].items()
        if name in found
    )


def constraints_of(reading: RequestReading) -> dict[str, Any]:
    """The hard constraints of a reading by the names of a label."""
    return {
        "capabilities": sorted(reading.capabilities),
        "max_price_per_1m": reading.max_price_per_1m,
        "min_context": reading.min_context,
        "providers_allow": sorted(reading.provider_allowlist),
        "providers_deny": sorted(reading.provider_denylist),
    }


def report() -> Iterator[str]:
    """The lines of the report."""
    model, embedder = shipped_model(), _Cached()
    own = fitting.labelled(
        {
            "task_type": row["expect"]["task_type"],
            "style": "request",
            "topic": "",
            "text": row["text"],
        }
        for row in requests()
    )
    prompts = fitting.labelled(
        {**row, "style": "prompt", "topic": ""} for row in recorded_prompts()
    )
    for understanding in UNDERSTANDINGS:
        by = embedder if understanding == FULL else None

        def line(what: str, pairs: Sequence[Pair], how: str = understanding) -> str:
            return f"{what:<{_WIDTH}} {how:<6} macro-F1 {macro_f1(pairs):.3f}  ({len(pairs)} texts)"

        yield line("labelled requests", read_types(model, own, by))
        if prompts:
            yield line("recorded prompts", read_types(model, prompts, by))
        for fold_of, what in ((by_text, "text by text"), (by_topic, "by topic")):
            for style in ("request", "prompt"):
                yield line(f"held out {what}, {style}s", held_out(fold_of, style, by))
    if not prompts:
        yield "recorded prompts: not measured, LLMREC_RECORDINGS is not set"
    reader = fitting.reader()
    for half, what in ((1, "written beside"), (2, "not seen before")):
        rows = [row for row in requests() if row["half"] == half]
        exact = sum(constraints_exact(reader, row) for row in rows)
        yield f"{f'constraints exact, {what}':<{_WIDTH}} {exact}/{len(rows)} ({exact / len(rows):.3f})"
    right = sum(
        (reader.read(row["text"]).priority or NO_PRIORITY)
        == (row["expect"]["priority"] or NO_PRIORITY)
        for row in requests()
    )
    yield f"{'priority as labelled':<{_WIDTH}} {right}/{len(requests())}"


def main() -> None:
    """Print the report."""
    for line in report():
        print(line)


if __name__ == "__main__":
    main()
