"""Served answers of the evidence store as a reader sees them: whole, and made anew from the edition
that they came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.answering import as_json
from llmrec_pipeline.serving.learned import replayed
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline.storage.evidence_store.models import ServedAnswer

_TOLD = ("answer_id", "channel", "user_id", "question", "way", "edition", "scorer", "config_hash")


def served_answer(row: ServedAnswer) -> dict[str, Any]:
    """An answer with all that is kept of it."""
    told = {name: getattr(row, name) for name in _TOLD}
    return {**told, "served_at": iso(row.served_at), "answer": json.loads(row.answer_json)}


def replay_answer(row: ServedAnswer, published: Path) -> dict[str, Any]:
    """An answer, the same made anew from its edition, its profile and what had been learned by
    then, and whether the two are equal to the byte. Raises EditionError where the edition is gone."""
    answer = json.loads(row.answer_json)
    payload = find_edition(published, row.edition).ranking()
    again = replayed(payload, answer, row.way, row.learned)
    return {
        "answer_id": row.answer_id,
        "edition": row.edition,
        "same": as_json(again) == row.answer_json,
        "answer": answer,
        "replayed": again,
    }
