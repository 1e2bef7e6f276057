"""Builds data/fixtures/fixture.json from recorded responses of open publishers.

    LLMREC_RECORDINGS=FOLDER python -m llmrec_pipeline_tests.build_fixture

What is in it are facts of models.dev (MIT) and LMArena (CC BY 4.0), attributed, in each
publisher's own shape, so that the parsers of a live pull read them. One record a line, in a stable
order: equal recordings give an equal file.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmrec_pipeline_tests.publisher_facts import ARENA_CATEGORIES, LMARENA, MODELS_DEV, Facts

FIXTURE = Path(__file__).resolve().parents[1] / "data" / "fixtures" / "fixture.json"
# No fixture is worth a slow clone.
MAX_BYTES = 400_000
TOP_RANKS = 130

_SOURCES: dict[str, dict[str, str]] = {
    MODELS_DEV: {
        "observed_at": "2026-07-02T00:00:00Z",
        "licence": "MIT",
        "attribution": "models.dev (https://models.dev), MIT",
        "url": "https://models.dev/api.json",
    },
    LMARENA: {
        "observed_at": "2026-08-22T00:00:00Z",
        "licence": "CC BY 4.0",
        "attribution": (
            "LMArena leaderboard dataset "
            "(https://huggingface.co/datasets/lmarena-ai/leaderboard-dataset), CC BY 4.0"
        ),
        "url": (
            "https://huggingface.co/datasets/lmarena-ai/leaderboard-dataset/resolve/main/"
            "text_style_control/latest-00000-of-00001.parquet"
        ),
    },
}
_MODEL_FIELDS = (
    "id",
    "name",
    "family",
    "release_date",
    "cost",
    "limit",
    "reasoning",
    "tool_call",
    "structured_output",
    "open_weights",
    "status",
    "modalities",
)
# Models that write no text; some of their entries do not say so in `modalities`.
_OTHER_KINDS = re.compile(r"embedding|image|-tts\b")
# What an Arena name may add to the id of the model that it rates: a date, an effort, a budget.
_SAME_MODEL = re.compile(
    r"([ -]\(?(20\d{6}|20\d\d-\d\d-\d\d|\d+k|x?high|medium|low|minimal|max|instant"
    r"|(no-|non-)?(thinking|reasoning)(-minimal)?)\)?)*",
    re.IGNORECASE,
)


def text_models(catalogue: dict[str, Any]) -> dict[str, Any]:
    """api.json with the text models alone, and of each the fields that we read."""
    chosen = {}
    for host, provider in catalogue.items():
        models = {
            model_id: {name: model[name] for name in _MODEL_FIELDS if name in model}
            for model_id, model in sorted(provider["models"].items())
            if _writes_text(model_id, model)
        }
        chosen[host] = {
            **{name: provider[name] for name in ("id", "name", "env")},
            "models": models,
        }
    return chosen


def _writes_text(model_id: str, model: dict[str, Any]) -> bool:
    output = model.get("modalities", {}).get("output", ["text"])
    return output == ["text"] and not _OTHER_KINDS.search(model_id)


def ratings(rows: list[dict[str, Any]], catalogue: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the leading models and of those in the catalogue, in the categories we use."""
    ids = [model_id for provider in catalogue.values() for model_id in provider["models"]]
    kept = {
        row["model_name"]
        for row in rows
        if row["category"] == "overall"
        and (row["rank"] <= TOP_RANKS or _is_one_of(row["model_name"], ids))
    }
    chosen = [
        row for row in rows if row["category"] in ARENA_CATEGORIES and row["model_name"] in kept
    ]
    return sorted(chosen, key=lambda row: (row["category"], row["rank"], row["model_name"]))


def _is_one_of(arena_name: str, ids: list[str]) -> bool:
    return any(
        arena_name.startswith(model_id) and _SAME_MODEL.fullmatch(arena_name[len(model_id) :])
        for model_id in ids
    )


def render(catalogue: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The fixture's text: JSON with one model or row a line."""
    return "\n".join(_lines(catalogue, rows)) + "\n"


def _lines(catalogue: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[str]:
    captured_at = max(source["observed_at"] for source in _SOURCES.values())
    yield f'{{"captured_at": "{captured_at}", "sources": {{'
    yield f'"{MODELS_DEV}": {{{_inner(_SOURCES[MODELS_DEV])}, "body": {{'
    for number, (host, provider) in enumerate(catalogue.items(), start=1):
        about = {name: value for name, value in provider.items() if name != "models"}
        yield f'"{host}": {{{_inner(about)}, "models": {{'
        models = [
            f"{_compact(name)}:{_compact(model)}" for name, model in provider["models"].items()
        ]
        yield ",\n".join(models)
        yield "}}" + ("," if number < len(catalogue) else "")
    yield "}},"
    yield f'"{LMARENA}": {{{_inner(_SOURCES[LMARENA])}, "body": ['
    yield ",\n".join(_compact(row) for row in rows)
    yield "]}"
    yield "}}"


def _inner(mapping: dict[str, Any]) -> str:
    return json.dumps(mapping, ensure_ascii=False)[1:-1]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main() -> int:
    """Writes the fixture; a line on stderr and 1 where it cannot."""
    folder = os.environ.get("LLMREC_RECORDINGS")
    if not folder:
        print("LLMREC_RECORDINGS is not set; it names the folder of recordings", file=sys.stderr)
        return 1
    facts = Facts.recorded(Path(folder))
    catalogue = text_models(facts.models_dev)
    rows = ratings(list(facts.lmarena), catalogue)
    text = render(catalogue, rows)
    size = len(text.encode())
    if size > MAX_BYTES:
        print(f"{FIXTURE}: {size} bytes; at most {MAX_BYTES}, lower TOP_RANKS", file=sys.stderr)
        return 1
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    FIXTURE.write_text(text, "utf-8")
    models = sum(len(provider["models"]) for provider in catalogue.values())
    rated = len({row["model_name"] for row in rows})
    print(f"{FIXTURE}: {models} offerings, {rated} rated models, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
