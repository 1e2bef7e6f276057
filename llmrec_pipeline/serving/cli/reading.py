"""`llmrec models`, `sources`, `editions`: what an edition holds and what it rests on."""

from __future__ import annotations

from typing import Any

from llmrec_pipeline.domain.candidates import own_offering
from llmrec_pipeline.domain.task_profile import unknown_name
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.at_time import Asked, payload_of
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import (
    Format,
    chosen,
    note,
    print_json,
    print_table,
    say,
)
from llmrec_pipeline.serving.edition_models import found_models
from llmrec_pipeline.serving.source_rows import source_rows
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import (
    EditionError,
    current_edition,
    list_editions,
)


def models(
    search: str | None,
    provider: str | None,
    everything: bool,
    asked: Asked,
    wanted: Format | None,
) -> int:
    """Print the models that match."""
    payload = payload_of(asked)
    creator = _creator(payload, provider) if provider is not None else None
    if search is not None and (key := payload.get("key_redirects", {}).get(search)) is not None:
        note(f"llmrec: {search} is called {key} now")
        search = key
    found = [
        model
        for model in found_models(payload, search, listed_only=not everything)
        if creator is None or model["provider"] == creator
    ]
    if chosen(wanted) is Format.JSON:
        print_json(found)
        return OK
    print_table(
        [_model_row(model) for model in found],
        ["key", "name", "$/1M in", "$/1M out", "context", "tokens/s", "measured by", "listed"],
    )
    say(f"{len(found)} of {len(payload['models'])} models, edition {payload['edition']}.")
    return OK


def _creator(payload: dict[str, Any], name: str) -> str:
    """The creator's id; raises RequestError for a name that neither config nor a model has."""
    aliases = payload["provider_aliases"]
    known = {model["provider"] for model in payload["models"]}
    folded = name.casefold()
    if folded not in aliases and folded not in known:
        raise unknown_name("provider", name, known | set(aliases))
    return str(aliases.get(folded, folded))


def _model_row(model: dict[str, Any]) -> dict[str, Any]:
    own = own_offering(model)
    publishers = sorted({source for by in model["measures"].values() for source in by})
    return {
        "key": model["canonical_model_key"],
        "name": model["model_name"],
        "$/1M in": own.get("price_input_per_1m"),
        "$/1M out": own.get("price_output_per_1m"),
        "context": own.get("context_window"),
        "tokens/s": own.get("output_tokens_per_s"),
        "measured by": ", ".join(publishers),
        "listed": model["listed"],
    }


def sources(wanted: Format | None) -> int:
    """Print one row a source."""
    rows = source_rows(load_settings())
    if chosen(wanted) is Format.JSON:
        print_json(rows)
        return OK
    print_table(
        rows,
        [
            "source",
            "origin",
            "observed_at",
            "age",
            "rows",
            "quota",
            "last_pull",
            "last_error",
            "licence",
        ],
    )
    for row in rows:
        say(row["attribution"])
    return OK


def editions(wanted: Format | None) -> int:
    """Print the editions, newest first."""
    published = read_locations().published
    current = current_edition(published)
    rows: list[dict[str, Any]] = []
    for edition in list_editions(published):
        try:
            manifest = edition.manifest()
        except EditionError as error:
            rows.append({"edition": edition.name, "problem": str(error)})
            continue
        rows.append(
            {
                "edition": edition.name,
                "current": current is not None and edition.name == current.name,
                "published_at": manifest["published_at"],
                "snapshot_ts": manifest["snapshot_ts"],
                "models": manifest["tables"]["models_latest"]["rows"],
                "origins": ", ".join(
                    f"{source} {entry['origin']}" for source, entry in manifest["sources"].items()
                ),
                "content_digest": manifest["content_digest"],
            }
        )
    if chosen(wanted) is Format.JSON:
        print_json(rows)
        return OK
    print_table(rows, ["edition", "current", "published_at", "snapshot_ts", "models", "origins"])
    return OK
