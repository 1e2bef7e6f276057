"""Models that are gone, as short as an edition can tell of them.

In: the models of a ranking payload. Out: those of which there is more to tell than that they are
gone, and of each other one its key, its name and when it was seen last, which is all that sets it
apart; and back. Years leave many such models, and each edition carries them all. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

Gone = Sequence[str | None]
"""`canonical_model_key`, `model_name` and `last_seen`."""


def without_gone(models: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Gone]]:
    """The models of which there is more to tell, and what tells the others apart."""
    whole: list[Mapping[str, Any]] = []
    gone: list[Gone] = []
    for model in models:
        row = (model["canonical_model_key"], model["model_name"], model["last_seen"])
        if not model["listed"] and _model(row) == model:
            gone.append(row)
        else:
            whole.append(model)
    return whole, gone


def with_gone(models: Iterable[dict[str, Any]], gone: Iterable[Gone]) -> list[dict[str, Any]]:
    """All models of a payload, by key."""
    return sorted((*models, *map(_model, gone)), key=itemgetter("canonical_model_key"))


def _model(row: Gone) -> dict[str, Any]:
    key, name, last_seen = row
    base_model, _, variant = str(key).partition(":")
    return {
        "canonical_model_key": key,
        "base_model": base_model,
        "variant": variant or None,
        "model_name": name,
        "provider": base_model.partition("/")[0],
        "listed": False,
        "last_seen": last_seen,
        "is_deprecated": None,
        "is_open_weights": None,
        "offerings": [],
        "measures": {},
    }
