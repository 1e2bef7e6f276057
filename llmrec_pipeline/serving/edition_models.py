"""The models of an edition's ranking payload, found by what people call them. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def key_of_today(payload: Mapping[str, Any], name: str) -> str | None:
    """The key of a model by its key, or by one that it had in earlier editions; None for a name that
    is neither."""
    known = {model["canonical_model_key"] for model in payload["models"]}
    keys = (name, payload.get("key_redirects", {}).get(name))
    return next((key for key in keys if key in known), None)


def found_models(
    payload: Mapping[str, Any], search: str | None, *, listed_only: bool
) -> list[dict[str, Any]]:
    """The models whose key or name has a text in it, whatever its case; None: all of them."""
    folded = (search or "").casefold()
    return [
        model
        for model in payload["models"]
        if (model["listed"] or not listed_only)
        and folded in f"{model['canonical_model_key']} {model['model_name']}".casefold()
    ]
