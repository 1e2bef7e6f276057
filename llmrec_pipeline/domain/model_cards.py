"""Text cards: what a model is, in words that a profile can be compared with.

A card is generated from an edition's payload: creator, strengths by task type, capabilities, context
(tokens) and price class (USD per 1M input tokens). New data needs no code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmrec_pipeline.domain.candidates import own_offering

# Of the models that a task type ranks, from the first on: a tenth is what one would try first.
_STRONG_SHARE, _GOOD_SHARE = 0.10, 0.30
_PRICE_CLASSES = ("low price, cheap", "medium price", "high price, premium")


def model_cards(payload: Mapping[str, Any]) -> dict[str, str]:
    """The card of every listed model, by its key."""
    models = [model for model in payload["models"] if model["listed"]]
    prices = sorted(price for price in map(_price, models) if price is not None)
    strengths = _strengths(payload)
    return {
        str(model["canonical_model_key"]): _card(
            model, strengths.get(model["canonical_model_key"], {}), prices
        )
        for model in models
    }


def _card(model: Mapping[str, Any], strengths: Mapping[str, str], prices: Sequence[float]) -> str:
    offering = own_offering(model)
    parts = [f"{model['model_name']} by {model['provider']}."]
    for grade in ("Among the best at", "Good at"):
        if names := [task for task, found in strengths.items() if found == grade]:
            parts.append(f"{grade} {', '.join(names)}.")
    able = [
        name.replace("_", " ") for name, has in (offering.get("capabilities") or {}).items() if has
    ]
    if model.get("is_open_weights"):
        able.append("open weights")
    if able:
        parts.append(f"Capabilities: {', '.join(able)}.")
    if (context := offering.get("context_window")) is not None:
        parts.append(f"Context {context} tokens.")
    if (price := _price(model)) is not None:
        parts.append(f"{_price_class(price, prices).capitalize()}, {price:g} USD per 1M tokens.")
    return " ".join(parts)


def _strengths(payload: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By model, the task types at which it is among the best or good, of those with a standing."""
    found: dict[str, dict[str, str]] = {}
    for task_type, standings in payload["consensus"]["task_types"].items():
        for key, row in standings.items():
            share = row[3] / len(standings)  # the rank
            if share <= _GOOD_SHARE:
                grade = "Among the best at" if share <= _STRONG_SHARE else "Good at"
                found.setdefault(key, {})[task_type] = grade
    return found


def _price(model: Mapping[str, Any]) -> float | None:
    price: float | None = own_offering(model).get("price_input_per_1m")
    return price


def _price_class(price: float, prices: Sequence[float]) -> str:
    """By thirds of the prices of all models."""
    if price == 0:
        return "free"
    cheaper = sum(other < price for other in prices)
    return _PRICE_CLASSES[min(2, 3 * cheaper // len(prices))]
