"""`llmrec top` and `llmrec provider`: the best models of a category, and whom to call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from llmrec_pipeline.domain.identity_config import ids_by_alias
from llmrec_pipeline.domain.provider_choice import (
    available_of,
    require_available,
    require_category,
    top_models,
)
from llmrec_pipeline.domain.task_profile import RequestError, resolve_providers
from llmrec_pipeline.serving.at_time import Asked
from llmrec_pipeline.serving.category_tables import category_tables, row_as_json
from llmrec_pipeline.serving.cli import NOTHING_LEFT, OK
from llmrec_pipeline.serving.cli.flags import names_of
from llmrec_pipeline.serving.cli.output import (
    Format,
    chosen,
    note,
    print_json,
    print_table,
    say,
)
from llmrec_pipeline.serving.provider_choice import default_chooser
from llmrec_pipeline.settings import Settings, load_settings

_ENVIRONMENT = "env"


def top(
    category: str, providers: str | None, top_n: int, asked: Asked, wanted: Format | None
) -> int:
    """Print the best models of a category."""
    told = require_category(category.strip().lower())
    settings = load_settings()
    allowed = _providers(providers, settings)
    tables = category_tables(settings, asked)
    rows = [dict(row) for row in top_models(tables.rows, told, allowed, top_n)]
    answer = {
        "category": told,
        "edition": tables.edition,
        "providers": None if allowed is None else list(allowed),
        "rankings": [row_as_json(row) for row in rows],
        "origins": {
            publisher: {
                name: tables.origins[publisher].get(name)
                for name in ("origin", "observed_at", "verified_at")
            }
            for publisher in tables.attribution(rows)
        },
        "attribution": tables.attribution(rows),
    }
    if chosen(wanted) is Format.JSON:
        print_json(answer)
    else:
        _print_top(answer, rows)
    if rows:
        return OK
    of = "any provider" if allowed is None else ", ".join(require_available(allowed))
    note(f"llmrec: nothing is left: no model of {of} is ranked for {told}")
    return NOTHING_LEFT


def provider(text: str, providers: str | None, wanted: Format | None) -> int:
    """Print the provider to use."""
    chooser = default_chooser()
    choice = chooser.choose(text, _providers(providers or _ENVIRONMENT, chooser.settings))
    if chosen(wanted) is Format.JSON:
        print_json(choice)
        return OK
    model = choice["model"]
    named = f", {model['model_name']} ({model['canonical_model_key']})" if model else ""
    say(f"{choice['category']}: {choice['provider']}{named}")
    say(f"by {choice['step']}, chosen {choice['chosen_at']}, stands until {choice['valid_until']}")
    for down in choice["stepped_down"]:
        say(f"Not by {down['step']}: {down['reason']}")
    if choice["fetched"]:
        say(f"Fetch: {choice['fetched']}")
    for line in choice["attribution"].values():
        say(line)
    return OK


def _providers(text: str | None, settings: Settings) -> Sequence[str] | None:
    """Creator ids of a list, of the environment's keys, or None for all."""
    if text is None:
        return None
    if text.strip().lower() == _ENVIRONMENT:
        return available_of(settings.providers.key_variables, os.environ)
    named = names_of(text)
    if not named:
        raise RequestError(
            "--providers names nobody; allowed: env, or a list such as openai,google"
        )
    return resolve_providers(named, ids_by_alias(settings.identity.creators))


def _print_top(answer: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    say(f"{answer['category']}: blended scores of 0 to 100, edition {answer['edition']}")
    say()
    table = [
        {
            "rank": row["rank"],
            "model": row["model_name"],
            "creator": row["provider"],
            "score": round(row["score"], 1),
            "made of": _made_of(row["sources"]),
            "tokens/s": row["metadata"]["speed"],
            "$/1M in": _per_million(row["metadata"]["cost_per_token"]),
            "context": row["metadata"]["context_window"],
            "key": row["canonical_model_key"],
        }
        for row in rows
    ]
    if table:
        print_table(table, list(table[0]))
        say()
    for publisher, origin in answer["origins"].items():
        say(f"  {publisher}: origin {origin['origin']}, observed {origin['observed_at']}")
    for line in answer["attribution"].values():
        say(line)


def _made_of(sources: dict[str, Any]) -> str:
    """The formula, with the publishers whose scores creators report of their own models."""
    told = [part["publisher"] for part in sources["publishers"] if not part["verified"]]
    note = f" ({', '.join(told)}: self-reported)" if told else ""
    return f"{sources['formula']}{note}"


def _per_million(cost_per_token: float | None) -> float | None:
    return None if cost_per_token is None else round(cost_per_token * 1_000_000, 6)
