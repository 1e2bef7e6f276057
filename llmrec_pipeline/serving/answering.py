"""A question in words and flags, and its answer from an edition's payload: what the command line and
the API do alike, and what a replay does again. Standard library and the pure domain only.

A served answer is recorded with its question, the profile and the way that came of it, edition,
scorer, config hash, and what was learned from outcomes by then. `learned.replayed` makes it anew from
those, however texts are understood by then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from llmrec_pipeline.domain.ranking import recommend
from llmrec_pipeline.domain.task_model import WORDS_ONLY
from llmrec_pipeline.domain.task_profile import (
    ProfileOverrides,
    RequestReading,
    TaskProfile,
    Tasks,
    build_profile,
)
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.understanding import request_reader

_RESULTS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """The text and what was stated beside it; None leaves it to the text and the settings.

    `use_case` is what our own outcomes are looked up under; without one, the task type. Price and
    context are in the units of `TaskProfile`.
    """

    text: str
    topk: int | None = None
    task_type: str | None = None
    priority: str | None = None
    max_price_per_1m: float | None = None
    min_context: int | None = None
    provider_allowlist: tuple[str, ...] | None = None
    provider_denylist: tuple[str, ...] | None = None
    host: str | None = None
    capabilities: tuple[str, ...] | None = None
    missing_policy: str | None = None
    scorer: str | None = None
    quality_basis: str | None = None
    use_case: str | None = None
    understanding: str = WORDS_ONLY

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Question:
        """Of what `to_mapping` gave."""
        stated: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        return cls(**stated)

    def to_mapping(self) -> dict[str, Any]:
        """The question as JSON."""
        return asdict(self)


class Way(NamedTuple):
    """How models are ranked for a profile: what a question says beside it."""

    topk: int
    scorer: str | None
    quality_basis: str | None
    missing_policy: str | None
    host: str | None
    capabilities: tuple[str, ...]


class Answered(NamedTuple):
    """How the text was read, what was ranked for and how, and the answer. `told` is the part of the
    answer that speaks of the text."""

    reading: RequestReading
    profile: TaskProfile
    way: Way
    told: dict[str, Any]
    answer: dict[str, Any]


OF_TEXT = ("understood", "notes", "request")
"""What `Answered.told` holds."""

Ranking = Callable[[TaskProfile, Way], dict[str, Any]]
"""Ranks the models of one payload; see `ranking_of`."""


def ranking_of(payload: Mapping[str, Any]) -> Ranking:
    """Ranks the models of a payload. Equal profiles and ways have equal answers, which may be kept."""
    return lambda profile, way: recommend(payload, profile, **way._asdict())


def answer_question(
    payload: Mapping[str, Any],
    question: Question,
    tasks: Tasks | None = None,
    rank: Ranking | None = None,
) -> Answered:
    """The answer to a question, with what was understood of the text. `tasks` spares reading them
    from the payload, `rank` ranking anew. Raises RequestError."""
    tasks = tasks or Tasks.from_mapping(payload["tasks"])
    aliases = payload["provider_aliases"]
    reading = request_reader(tasks, aliases, question.understanding).read(question.text)
    profile = build_profile(
        reading,
        ProfileOverrides(
            task_type=question.task_type,
            priority=question.priority,
            max_price_per_1m=question.max_price_per_1m,
            min_context=question.min_context,
            provider_allowlist=question.provider_allowlist,
            provider_denylist=question.provider_denylist,
        ),
        tasks=tasks,
        provider_aliases=aliases,
    )
    stated = question.capabilities
    way = Way(
        topk=_wanted_results(question, reading),
        scorer=question.scorer,
        quality_basis=question.quality_basis,
        missing_policy=question.missing_policy,
        host=question.host,
        capabilities=reading.capabilities if stated is None else stated,
    )
    answer = (rank or ranking_of(payload))(profile, way)
    of_text = (list(reading.understood), list(reading.notes), reading.to_mapping())
    told = dict(zip(OF_TEXT, of_text, strict=True))
    return Answered(reading, profile, way, told, {**answer, **told})


def _wanted_results(question: Question, reading: RequestReading) -> int:
    """How many models to name: as stated beside the text, else in it, else five."""
    stated = reading.topk if question.topk is None else question.topk
    return _RESULTS if stated is None else stated


def new_answer_id() -> str:
    """Names one served answer."""
    import uuid

    return uuid.uuid4().hex


def as_json(content: Any) -> str:
    """The one spelling of a recorded answer: compact, keys in their order."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Prepared:
    """An answer that is ready to be served and kept, perhaps many times: `text` is its JSON."""

    question: Question
    way: Way
    edition: str
    scorer: str
    learned: Mapping[str, Any] | None
    text: str

    @cached_property
    def kept(self) -> str:
        """What is kept of it whoever asked and when, as JSON without its first brace."""
        content = {
            "question": self.question.to_mapping(),
            "way": self.way._asdict(),
            "edition": self.edition,
            "scorer": self.scorer,
            "learned": self.learned,
            "answer_json": self.text,
        }
        return as_json(content)[1:]


def prepared(
    question: Question, found: Answered, learned: Mapping[str, Any] | None = None
) -> Prepared:
    """An answer, with what had been learned when it was made."""
    answer = found.answer
    return Prepared(
        question, found.way, answer["edition"], answer["scorer"], learned, as_json(answer)
    )


def served_record(
    ready: Prepared,
    answer_id: str,
    served_at: datetime,
    channel: str,
    user_id: str | None,
    config_hash: str,
) -> str:
    """What is kept of a served answer, as one line of JSON."""
    served = {
        "answer_id": answer_id,
        "served_at": iso(served_at),
        "channel": channel,
        "user_id": user_id,
        "config_hash": config_hash,
    }
    return f"{as_json(served)[:-1]},{ready.kept}"
