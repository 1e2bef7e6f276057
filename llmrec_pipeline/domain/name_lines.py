"""Names as a line of text gives them, and what is answered.

What belongs here: the shape of one line in and out. What does not: where lines come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from llmrec_pipeline.domain.identity import Explanation, Identity, SourceName, Unresolved

_FIELDS = ("name", "source", "creator", "host", "release_date", "same_as")


def read_name(line: str, source: str | None) -> SourceName:
    """The name that a line gives: plain text, or a JSON object with name and, where known, source,
    creator, host, release_date (YYYY-MM-DD) and same_as (a list of `scheme:id`). `source` counts
    where the line names none. Raises ValueError that names the field, its value and the remedy."""
    text = line.strip()
    if not text.startswith("{"):
        return named(text, source)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{_shown(text)} is no JSON object; close its quotes and braces") from None
    if unknown := sorted(set(told) - set(_FIELDS)):
        raise ValueError(f"{unknown[0]!r} is no field; allowed: {', '.join(_FIELDS)}")
    name = named(_text(told, "name") or "", _text(told, "source") or source)
    return SourceName(
        name.source,
        name.source_model_id,
        name.model_name,
        _text(told, "creator"),
        _text(told, "host"),
        _day(told.get("release_date")),
        _ids(told.get("same_as")),
    )


def named(name: str, source: str | None) -> SourceName:
    """A name of which only its source is known, or not even that. Raises ValueError."""
    if not name:
        raise ValueError("name is empty; give the model's name")
    return SourceName(source or "", name, name)


def answer(name: SourceName, outcome: Identity | Unresolved) -> dict[str, Any]:
    """`name, source, base_model, variant, host, method, confidence`; where the name is left open,
    nulls, the method `unresolved`, the reason and a proposal."""
    told = {"name": name.source_model_id, "source": name.source or None}
    if isinstance(outcome, Identity):
        return {
            **told,
            "base_model": outcome.base_model,
            "variant": outcome.variant,
            "host": outcome.host,
            "method": outcome.method,
            "confidence": outcome.confidence,
        }
    nothing = dict.fromkeys(("base_model", "variant", "host"))
    return {
        **told,
        **nothing,
        "method": "unresolved",
        "confidence": None,
        "reason": outcome.reason,
        "proposal": outcome.proposal,
    }


def explained(name: SourceName, explanation: Explanation) -> dict[str, Any]:
    """`answer` with the steps that led there."""
    steps = [
        {"step": step.step, "text": step.text, "reason": step.reason} for step in explanation.steps
    ]
    return {**answer(name, explanation.outcome), "steps": steps}


def _text(told: Mapping[str, Any], field: str) -> str | None:
    value = told.get(field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{field} is {_shown(value)}; write text")
    return (value or "").strip() or None


def _day(value: object) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"release_date is {_shown(value)}; write YYYY-MM-DD") from None


def _ids(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"same_as is {_shown(value)}; write a list such as [huggingface:org/name]")
    return tuple(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
