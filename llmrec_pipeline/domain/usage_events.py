"""Records of a log as usage events: what a mapping finds in them, checked and brought to one form.

What belongs here: reading one record that is already parsed. What does not: where a value stands
(`usage_paths`), what a value may be (`usage_values`), files and databases (`telemetry`), and which
model a name means (`identity`).

An event that cannot be told apart, placed in time or counted is refused: its id, its start, its
tokens and its calls have to be right. Anything else that is wrong is left out of the event, which is
kept. Both are told as `Problem`s, with a reason of the table below and never with what stood there,
which may be somebody's text:

    missing             the record does not say it, and every event needs it
    not_a_name          no text, or one with line breaks, or longer than any name
    not_utf8            text in another encoding
    not_a_number        no number, or not a whole one where things are counted
    negative, too_small, too_large
    not_a_time          no moment in the mapping's format
    naive_time          a moment without a time zone, where the mapping states none
    implausible_time    before 2015, or after the moment of the import: another unit, another field
    part_above_whole    more cached input than input, or more reasoning than output: a log that does
                        not include them; its mapping has to add them (`plus`)
    total_disagrees     the total is not input plus output, which are kept and added up
    ends_before_start   a duration below zero
    unknown_word        a status or task type that is none of ours
    further_evaluation  more than one judgement of one call; the first is kept

As OpenTelemetry has it, cached input is included in `input_tokens` and reasoning in `output_tokens`.
An event may tell its total alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from llmrec_pipeline.domain.table_schema import Kind
from llmrec_pipeline.domain.usage_mapping import UNITS, USER_ID, FieldMapping, UsageMapping
from llmrec_pipeline.domain.usage_paths import Record, field_finder, first_of, path_finder
from llmrec_pipeline.domain.usage_records import CALL_STATUSES, USAGE_EVENTS
from llmrec_pipeline.domain.usage_values import (
    Times,
    WrongValue,
    as_count,
    as_name,
    as_one_of,
    as_real,
    as_reasons,
    as_word,
    refuse_above,
)

# A clock of another machine may be ahead of ours.
_CLOCK_SKEW = timedelta(days=1)
_ONE_WORD = frozenset({"error_type"})
_TOKENS = tuple(name for name in USAGE_EVENTS.names if name.endswith("_tokens"))
_ESSENTIAL = frozenset({"event_id", "started_at", "calls", *_TOKENS})
_PARTS = (
    ("input_tokens", ("cache_read_input_tokens", "cache_creation_input_tokens")),
    ("output_tokens", ("reasoning_output_tokens",)),
)

FURTHER_EVALUATIONS = "gen_ai.evaluation.further"
"""The key at which a record holds judgements of the same call that an event has no room for."""

_Value = Callable[[Record, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field of a record. `is_kept`: the event is, without the field."""

    field: str
    reason: str
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class RecordReading:
    """What a record says: an event (the columns of USAGE_EVENTS that it knows), or none, because it
    is no call or because of the last problem."""

    event: dict[str, Any] | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def is_call(self) -> bool:
        """Whether the record is a call, of which an event was made or not."""
        return self.event is not None or bool(self.problems)


class RecordReader:
    """Reads the records of one log.

    `timezone` overrides the mapping's; `user_id` says what is stored for a user's id; `now` is the
    moment of the import.
    """

    def __init__(
        self,
        mapping: UsageMapping,
        *,
        timezone: str | None,
        user_id: Callable[[str], str],
        task_types: Iterable[str],
        now: datetime,
    ) -> None:
        zone = timezone or mapping.timezone
        self._times = Times(ZoneInfo(zone) if zone else None, now + _CLOCK_SKEW)
        self._user_id = user_id
        self._words = {"status": frozenset(CALL_STATUSES), "task_type": frozenset(task_types)}
        self._source = mapping.source
        self._told_by_content = mapping.fields["event_id"].or_content
        # The start comes first: durations are counted from it.
        order = ["started_at", *(name for name in mapping.fields if name != "started_at")]
        self._fields = [
            (
                name,
                "user_hash" if name == USER_ID else name,
                self._value(name, mapping.fields[name]),
            )
            for name in order
        ]
        calls = mapping.calls
        self._only = [(path_finder(path), _lowered(words)) for path, words in calls.only.items()]
        self._never = [(path_finder(path), _lowered(words)) for path, words in calls.never.items()]
        self._needed = first_of(calls.needs)

    def read(self, record: Record) -> RecordReading:
        """The event of a record, which is used up by it. Columns of JSON text are read into."""
        if not self._is_call(record):
            return RecordReading()
        event: dict[str, Any] = {"source": self._source, "calls": 1}
        problems: list[Problem] = []
        if record.get(FURTHER_EVALUATIONS):
            problems.append(Problem("evaluation_name", "further_evaluation", is_kept=True))
        for name, column, value_of in self._fields:
            try:
                value = value_of(record, event)
            except WrongValue as wrong:
                problems.append(Problem(name, str(wrong), is_kept=name not in _ESSENTIAL))
                if name in _ESSENTIAL:
                    return RecordReading(None, tuple(problems))
                continue
            if value is not None:
                event[column] = value
        problem = _settle_tokens(event, problems)
        if self._told_by_content and "event_id" not in event:
            event["event_id"] = _content_id(event)
        problem = _missing(event) or problem
        if problem:
            return RecordReading(None, (*problems, problem))
        return RecordReading(event, tuple(problems))

    def _is_call(self, record: Record) -> bool:
        return (
            all(_word(find(record)) in words for find, words in self._only)
            and not any(_word(find(record)) in words for find, words in self._never)
            and (self._needed is None or self._needed(record) is not None)
        )

    def _value(self, name: str, field: FieldMapping) -> _Value:
        """What gives a field's value of a record and of what is known of its event: None where it
        is silent; raises WrongValue."""
        if field.until:
            return self._duration(name, field)
        find = field_finder(name, field)
        meaning = _meaning(field) if field.values else None
        convert = self._converter(name, field)

        def value(record: Record, _event: Mapping[str, Any]) -> Any:
            found = find(record)
            if found is None:
                found = field.absent
            elif meaning:
                found = meaning(found)
            return None if found is None else convert(found)

        return value

    def _converter(self, name: str, field: FieldMapping) -> Callable[[Any], Any]:
        """What brings a value to the form of its column; raises WrongValue."""
        if name == USER_ID:
            return self._hashed
        if name == "finish_reasons":
            return as_reasons
        column = USAGE_EVENTS[name]
        scale = UNITS[field.unit] if field.unit else 1.0
        if column.kind is Kind.TIMESTAMP:
            return lambda told: self._times.moment(told, field.time_format)
        if column.kind is Kind.INTEGER:
            return lambda told: as_count(told, scale, column)
        if column.kind is Kind.REAL:
            return lambda told: as_real(told, scale, column)
        if words := self._words.get(name):
            return lambda told: as_one_of(words, told)
        return as_word if name in _ONE_WORD else as_name

    def _hashed(self, told: Any) -> str | None:
        user = as_name(told)
        return self._user_id(user) if user else None

    def _duration(self, name: str, field: FieldMapping) -> _Value:
        column = USAGE_EVENTS[name]
        find, find_other = first_of(field.until), first_of(field.unless_equal)

        def value(record: Record, event: Mapping[str, Any]) -> float | None:
            found = find(record) if find else None
            if found is None or (find_other and found == find_other(record)):
                return None
            end = self._times.moment(found, field.time_format)
            if "started_at" not in event:
                return None
            duration: float = (end - event["started_at"]).total_seconds()
            if duration < 0:
                raise WrongValue("ends_before_start")
            refuse_above(column, duration)
            return duration

        return value


def _lowered(words: Sequence[str]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)


def _word(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _meaning(field: FieldMapping) -> Callable[[Any], str | None]:
    """What says what a word of the log means; raises WrongValue for one that the mapping does not know.
    A whole word comes before the beginning of one."""
    whole = {word.lower(): meaning for word, meaning in field.values.items()}
    begun = [(word[:-1], meaning) for word, meaning in whole.items() if word.endswith("*")]

    def meaning_of(found: Any) -> str | None:
        word = str(found).strip().lower()
        if word in whole:
            return whole[word]
        for beginning, meaning in begun:
            if word.startswith(beginning):
                return meaning
        if field.otherwise is None:
            raise WrongValue("unknown_word")
        return field.otherwise

    return meaning_of


def _content_id(event: Mapping[str, Any]) -> str:
    text = json.dumps(event, sort_keys=True, default=datetime.isoformat)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _missing(event: Mapping[str, Any]) -> Problem | None:
    for name in ("event_id", "started_at"):
        if name not in event:
            return Problem(name, "missing")
    return None


def _settle_tokens(event: dict[str, Any], problems: list[Problem]) -> Problem | None:
    """Make input, output and total say the same; what the event is refused for, if anything."""
    total, told, answered = (
        event.get(name) for name in ("total_tokens", "input_tokens", "output_tokens")
    )
    if total is not None and (told is None) != (answered is None):
        rest = total - (told or answered or 0)
        if rest >= 0:
            event["output_tokens" if answered is None else "input_tokens"] = rest
        else:
            del event["total_tokens"]
            problems.append(Problem("total_tokens", "total_disagrees", is_kept=True))
    elif told is not None and answered is not None:
        event["total_tokens"] = told + answered
        if total not in (None, told + answered):
            problems.append(Problem("total_tokens", "total_disagrees", is_kept=True))
    for whole, parts in _PARTS:
        if whole in event and sum(event.get(part, 0) for part in parts) > event[whole]:
            return Problem(whole, "part_above_whole")
    return None
