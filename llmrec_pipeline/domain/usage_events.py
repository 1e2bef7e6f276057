"""Records of a log as usage events: what a mapping finds in them, checked and brought to one form.

What belongs here: reading one record that is already parsed. What does not: files and databases
(`telemetry`), and which model a name means (`identity`).

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
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from llmrec_pipeline.domain.records import CALL_STATUSES, USAGE_EVENTS, Column, Kind
from llmrec_pipeline.domain.usage_mapping import (
    EPOCHS,
    UNITS,
    USER_ID,
    FieldMapping,
    UsageMapping,
)

_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
# A clock of another machine may be ahead of ours.
_CLOCK_SKEW = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No id, model or role is longer; what is longer is somebody's text.
_LONGEST_NAME = 256
_MOST_REASONS = 16
_ONE_WORD = frozenset({"error_type"})
_TOKENS = tuple(name for name in USAGE_EVENTS.names if name.endswith("_tokens"))
_ESSENTIAL = frozenset({"event_id", "started_at", "calls", *_TOKENS})
_PARTS = (
    ("input_tokens", ("cache_read_input_tokens", "cache_creation_input_tokens")),
    ("output_tokens", ("reasoning_output_tokens",)),
)

FURTHER_EVALUATIONS = "gen_ai.evaluation.further"
"""The key at which a record holds judgements of the same call that an event has no room for."""

Record = dict[str, Any]
_Find = Callable[[Record], Any]
_Value = Callable[[Record, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field of a record. `is_kept`: the event is, without the field."""

    field: str
    reason: str
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a record says: an event (the columns of USAGE_EVENTS that it knows), or none, because it
    is no call or because of the last problem."""

    event: dict[str, Any] | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def is_call(self) -> bool:
        return self.event is not None or bool(self.problems)


class _Wrong(Exception):
    """A value that a field cannot have; the reason of the table above."""


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
        self._times = _Times(ZoneInfo(zone) if zone else None, now + _CLOCK_SKEW)
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
        self._only = [(_finder(path), _lowered(words)) for path, words in calls.only.items()]
        self._never = [(_finder(path), _lowered(words)) for path, words in calls.never.items()]
        self._needed = _first_of(calls.needs)

    def read(self, record: Record) -> Reading:
        """The event of a record, which is used up by it. Columns of JSON text are read into."""
        if not self._is_call(record):
            return Reading()
        event: dict[str, Any] = {"source": self._source, "calls": 1}
        problems: list[Problem] = []
        if record.get(FURTHER_EVALUATIONS):
            problems.append(Problem("evaluation_name", "further_evaluation", is_kept=True))
        for name, column, value_of in self._fields:
            try:
                value = value_of(record, event)
            except _Wrong as wrong:
                problems.append(Problem(name, str(wrong), is_kept=name not in _ESSENTIAL))
                if name in _ESSENTIAL:
                    return Reading(None, tuple(problems))
                continue
            if value is not None:
                event[column] = value
        problem = _settle_tokens(event, problems)
        if self._told_by_content and "event_id" not in event:
            event["event_id"] = _content_id(event)
        problem = _missing(event) or problem
        if problem:
            return Reading(None, (*problems, problem))
        return Reading(event, tuple(problems))

    def _is_call(self, record: Record) -> bool:
        return (
            all(_word(find(record)) in words for find, words in self._only)
            and not any(_word(find(record)) in words for find, words in self._never)
            and (self._needed is None or self._needed(record) is not None)
        )

    def _value(self, name: str, field: FieldMapping) -> _Value:
        """What gives a field's value of a record and of what is known of its event: None where it
        is silent; raises _Wrong."""
        if field.until:
            return self._duration(name, field)
        find = _found(name, field)
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
        """What brings a value to the form of its column; raises _Wrong."""
        if name == USER_ID:
            return self._hashed
        if name == "finish_reasons":
            return _reasons
        column = USAGE_EVENTS[name]
        scale = UNITS[field.unit] if field.unit else 1.0
        if column.kind is Kind.TIMESTAMP:
            return lambda told: self._times.moment(told, field.time_format)
        if column.kind is Kind.INTEGER:
            return lambda told: _whole(told, scale, column)
        if column.kind is Kind.REAL:
            return lambda told: _real(told, scale, column)
        if words := self._words.get(name):
            return lambda told: _one_of(words, told)
        return _one_word if name in _ONE_WORD else _text

    def _hashed(self, told: Any) -> str | None:
        user = _text(told)
        return self._user_id(user) if user else None

    def _duration(self, name: str, field: FieldMapping) -> _Value:
        column = USAGE_EVENTS[name]
        find, find_other = _first_of(field.until), _first_of(field.unless_equal)

        def value(record: Record, event: Mapping[str, Any]) -> float | None:
            found = find(record) if find else None
            if found is None or (find_other and found == find_other(record)):
                return None
            end = self._times.moment(found, field.time_format)
            if "started_at" not in event:
                return None
            duration: float = (end - event["started_at"]).total_seconds()
            if duration < 0:
                raise _Wrong("ends_before_start")
            _refuse_above(column, duration)
            return duration

        return value


class _Times:
    """Moments as logs write them."""

    def __init__(self, zone: tzinfo | None, latest: datetime) -> None:
        self._zone = zone
        self._latest = latest

    def moment(self, value: Any, form: str) -> datetime:
        """In UTC; raises _Wrong. A moment that a change of clocks makes ambiguous is the earlier."""
        moment = _moment(value, form)
        if moment.tzinfo is None:
            if self._zone is None:
                raise _Wrong("naive_time")
            moment = moment.replace(tzinfo=self._zone)
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            raise _Wrong("implausible_time") from None
        if not _EARLIEST <= moment <= self._latest:
            raise _Wrong("implausible_time")
        return moment


def _moment(value: Any, form: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    try:
        if ticks := EPOCHS.get(form):
            number = Decimal(str(value)) if not isinstance(value, bool) else None
            if number is None or not number.is_finite():
                raise _Wrong("not_a_time")
            return _EPOCH + timedelta(microseconds=int(number * 1_000_000 / ticks))
        if isinstance(value, str):
            text = value.strip()
            return datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007 - the zone is judged by the caller
    except OverflowError:
        raise _Wrong("implausible_time") from None
    except (ValueError, ArithmeticError):
        raise _Wrong("not_a_time") from None
    raise _Wrong("not_a_time")


def _lowered(words: Sequence[str]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)


def _word(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _found(name: str, field: FieldMapping) -> _Find:
    """What finds a field's value in a record, as the log writes it."""
    if field.constant is not None:
        return lambda _record: field.constant
    if field.join:
        return _joined(field.join)
    find = _first_of(field.path)
    if find is None or field.plus:
        return _summed(find, field.plus, USAGE_EVENTS[name])
    return find


def _joined(paths: Sequence[str]) -> _Find:
    """Texts as one id; None where none says anything."""
    finders = [_finder(path) for path in paths]

    def find(record: Record) -> str | None:
        parts = [find_part(record) for find_part in finders]
        if all(part is None for part in parts):
            return None
        return ":".join("" if part is None else _text(part) or "" for part in parts)

    return find


def _summed(first: _Find | None, plus: Sequence[str], column: Column) -> _Find:
    """A number and those that the log tells apart from it."""
    further = [_numbers(path) for path in plus]

    def find(record: Record) -> int | None:
        told = [number for find_more in further for number in find_more(record)]
        own = first(record) if first else None
        if own is not None:
            told.append(own)
        return sum(_whole(number, 1.0, column) for number in told) if told else None

    return find


def _first_of(paths: Sequence[str]) -> _Find | None:
    """What finds the first of several values that says something; None without a path."""
    finders = [_finder(path) for path in paths]
    if len(finders) < 2:
        return finders[0] if finders else None

    def find(record: Record) -> Any:
        for find_one in finders:
            if (value := find_one(record)) is not None:
                return value
        return None

    return find


def _finder(path: str) -> _Find:
    """What finds the value at a path: None where there is none, or an empty text. A key may hold
    dots itself."""
    head, dot, rest = path.partition(".")
    find_rest = _finder(rest) if dot else None

    def find(record: Record) -> Any:
        value = record.get(path)
        if value is None and find_rest:
            inner = _inner(record, head)
            return None if inner is None else find_rest(inner)
        return None if value == "" else value

    return find


def _inner(record: Record, key: str) -> Record | None:
    """The mapping under a key; JSON text becomes what it says."""
    inner = record.get(key)
    if isinstance(inner, str) and inner.lstrip()[:1] == "{":
        try:
            inner = record[key] = json.loads(inner)
        except (ValueError, RecursionError):
            return None
    return inner if isinstance(inner, dict) else None


def _numbers(path: str) -> Callable[[Record], list[Any]]:
    """What finds the values at a path, of all keys that begin so where it ends in `*`."""
    if not path.endswith("*"):
        find = _finder(path)
        return lambda record: [] if (value := find(record)) is None else [value]
    place, _, start = path[:-1].rpartition(".")
    keys = place.split(".") if place else []

    def find_all(record: Record) -> list[Any]:
        holder: Record | None = record
        for key in keys:
            holder = None if holder is None else _inner(holder, key)
        found = (holder or {}).items()
        return [value for key, value in found if key.startswith(start) and value not in (None, "")]

    return find_all


def _meaning(field: FieldMapping) -> Callable[[Any], str | None]:
    """What says what a word of the log means; raises _Wrong for one that the mapping does not know.
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
            raise _Wrong("unknown_word")
        return field.otherwise

    return meaning_of


def _text(value: Any) -> str | None:
    """A name, an id; None for a blank one."""
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _Wrong("not_a_name")
    text = value.strip()
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Wrong("not_utf8") from None
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise _Wrong("not_a_name")
    return text or None


def _one_word(value: Any) -> str | None:
    text = _text(value)
    if text is not None and " " in text:
        raise _Wrong("not_a_name")
    return text


def _one_of(words: frozenset[str], value: Any) -> str | None:
    text = _text(value)
    if text is not None and text not in words:
        raise _Wrong("unknown_word")
    return text


def _reasons(value: Any) -> str:
    """A JSON list of finish reasons, each a word."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _Wrong("not_a_name") from None
    reasons = [value] if isinstance(value, str) else value
    if not isinstance(reasons, list | tuple) or len(reasons) > _MOST_REASONS:
        raise _Wrong("not_a_name")
    if not all(isinstance(reason, str) for reason in reasons):
        raise _Wrong("not_a_name")
    return json.dumps([_one_word(reason) for reason in reasons], ensure_ascii=False)


def _number(value: Any) -> float | int | Decimal:
    if isinstance(value, str):
        try:
            value = Decimal(value.strip())
        except ArithmeticError:
            raise _Wrong("not_a_number") from None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _Wrong("not_a_number")
    # A decimal that no float can hold is finite, and too large.
    is_finite = (
        value.is_finite()
        if isinstance(value, Decimal)
        else isinstance(value, int) or math.isfinite(value)
    )
    if not is_finite:
        raise _Wrong("not_a_number")
    return value


def _whole(value: Any, scale: float, column: Column) -> int:
    """A count within the column's bounds."""
    number = _number(value)
    if scale != 1.0:
        number = _scaled(number, scale)
    if number < 0:
        raise _Wrong("negative")
    # Before it is written out: a short text can name a number of millions of digits.
    _refuse_above(column, number)
    if not isinstance(number, int) and number != int(number):
        raise _Wrong("not_a_number")
    if column.minimum is not None and number < column.minimum:
        raise _Wrong("too_small")
    return int(number)


def _real(value: Any, scale: float, column: Column) -> float:
    number = _number(value)
    if column.minimum is not None and number < column.minimum:
        raise _Wrong("negative")
    scaled = _scaled(number, scale)
    _refuse_above(column, scaled)
    return scaled


def _scaled(number: float | int | Decimal, scale: float) -> float:
    try:
        scaled = float(number) * scale
    except OverflowError:
        scaled = math.inf
    if not math.isfinite(scaled):
        raise _Wrong("too_large")
    return scaled


def _refuse_above(column: Column, number: float | int | Decimal) -> None:
    if column.maximum is not None and number > column.maximum:
        raise _Wrong("too_large")


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
