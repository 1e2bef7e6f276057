"""What a report says, before anything is rendered: plain, typed, the same for every format.

A figure names the row of the evidence that it was read from; `evidence` holds those rows. Prices
are USD per 1,000,000 tokens, speed tokens/s, latency seconds, context tokens, quality standard
deviations of the frozen populations; moments are ISO text in UTC. None is unknown, never 0.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

SCHEMA_VERSION = 1
FIRM, LIKELY, OPEN = "firm", "likely", "open"
_SIGNIFICANT_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and the id of the evidence row behind it."""

    value: float | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row that figures rest on. `rests_on` are ids of further rows."""

    id: str
    kind: str  # consensus, measure, offering, speed
    subject: str
    item: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    source: str
    observed_at: str | None
    origin: str | None
    url: str | None
    detail: str
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One model of an answer. `ties` where its interval of quality overlaps the first's, `better`
    where it lies wholly above."""

    place: int
    key: str
    name: str
    provider: str
    offering_key: str | None
    score: float
    quality: Figure
    low: float | None
    high: float | None
    rank_low: int | None
    rank_high: int | None
    measures: int
    publishers: tuple[str, ...]
    price_input: Figure
    price_output: Figure
    speed: Figure
    latency: Figure
    context: Figure
    better: bool
    ties: bool
    justification: str


@dataclass(frozen=True, slots=True)
class Point:
    """A model in a chart of quality against input price."""

    key: str
    name: str
    provider: str
    price: Figure
    quality: Figure
    low: float | None
    high: float | None
    on_line: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Which models for a task type under a cap. Without choices, `message` says why there is not
    enough evidence. `sureness` is FIRM, LIKELY or OPEN. `better` counts the models under the cap
    that are better than the first in quality beyond the noise, `best_in_quality` is the best of them.
    `observed_at` is the oldest observation among the publishers."""

    task_type: str
    cap: float | None
    choices: tuple[Choice, ...]
    sureness: str | None
    stability: float | None
    weight_vectors: int
    rivals: tuple[str, ...]
    ties: int
    ranked: int
    not_measured: int
    excluded: dict[str, int]
    publishers: tuple[str, ...]
    better: int
    best_in_quality: Point | None
    observed_at: str | None
    price_since: str | None
    message: str | None
    command: str


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """Quality against price for a task type; `left_out` counts models that are not drawn, by why."""

    task_type: str
    points: tuple[Point, ...]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """Values of one measure over time on one scale: (day, value), at most one a day. What another
    index version says is another line."""

    source: str
    item: str
    index_version: str | None
    points: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class History:
    """A model's prices and indices."""

    key: str
    name: str
    prices: tuple[Line, ...]
    indices: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class UseCase:
    """What the team uses, and how it stands among those that are measured for its task type."""

    use_case: str
    task_type: str
    current_model: str
    current_name: str
    price_input: Figure
    quality: Figure
    rank: int | None
    ranked: int
    best_model: str | None
    best_name: str | None
    dominated_by: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """An upgrade that a person decides on. Deltas are as stored: percent, and a fraction."""

    id: int
    created_at: str
    status: str
    use_case: str
    current_model: str
    recommended_model: str
    reasoning: str
    cost_delta_pct: float | None
    quality_delta: float | None
    usd_per_month: float | None
    confidence: float
    evidence_counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """One row of market changes, with the subject's name where it is a model."""

    change: str
    subject: str
    name: str
    field: str | None
    before: str | None
    after: str | None
    relative: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a moment; `counts` are of all rows, `rows` are those that are shown."""

    since: str | None
    counts: dict[str, int]
    rows: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A source as the edition rests on it. The age counts to the edition's publication."""

    source: str
    title: str
    enabled: bool
    origin: str
    observed_at: str | None
    age_hours: float | None
    rows: int
    index_version: str | None
    quota: str | None
    doubt: str | None
    licence: str
    attribution: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Our own calls in one role over a window. `success_rate` is of the calls whose outcome is
    known."""

    use_case: str
    provider: str
    model: str
    window_start: str
    window_end: str
    calls: int
    tokens: int | None
    cost_usd: float | None
    success_rate: float | None
    success_low: float | None
    success_high: float | None
    latency_s: float | None
    first_token_s: float | None


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do today: `weight` 1 is the most pressing; `anchor` is where the page tells
    more, `command` is what does it or tells more."""

    weight: int
    text: str
    anchor: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class ReportContent:
    """Everything that a report says. Caps are USD per 1M input tokens, None for any price."""

    schema_version: int
    edition: str
    published_at: str
    snapshot_ts: str | None
    edition_digest: str
    caps: tuple[float | None, ...]
    actions: tuple[Action, ...]
    answers: tuple[Answer, ...]
    use_cases: tuple[UseCase, ...]
    tradeoffs: tuple[Tradeoff, ...]
    histories: tuple[History, ...]
    proposals: tuple[Proposal, ...]
    since_last: Changes
    month: Changes
    usage: tuple[Usage, ...]
    sources: tuple[Source, ...]
    evidence: tuple[Evidence, ...]
    left_out: tuple[str, ...]

    @property
    def task_types(self) -> tuple[str, ...]:
        """The task types that have answers, in the order of the answers."""
        return tuple(dict.fromkeys(answer.task_type for answer in self.answers))

    @property
    def first_key(self) -> str | None:
        """The model that the first answer with one names first."""
        return next((answer.choices[0].key for answer in self.answers if answer.choices), None)

    def title_of(self, source: str) -> str:
        """A source's title."""
        return next((s.title for s in self.sources if s.source == source), source)

    def answers_for(self, task_type: str) -> tuple[Answer, ...]:
        """The answers for a task type, in the order of the caps."""
        return tuple(answer for answer in self.answers if answer.task_type == task_type)

    def answer(self, task_type: str, cap: float | None) -> Answer:
        """The answer for a task type under a cap."""
        return next(a for a in self.answers if (a.task_type, a.cap) == (task_type, cap))

    def to_mapping(self) -> dict[str, Any]:
        """As JSON, floats at 12 significant digits."""
        mapping: dict[str, Any] = _plain(self)
        return mapping

    def digest(self) -> str:
        """SHA-256 of the content, whatever renders it."""
        text = json.dumps(self.to_mapping(), sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
    return value
