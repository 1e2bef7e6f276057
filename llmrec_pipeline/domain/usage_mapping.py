"""The shape of a mapping: where each part of a usage event stands in the records of a log.

What belongs here: what a mapping file may say. What does not: reading records by it (`usage_events`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS

USER_ID = "user_id"
MAPPED = (*(name for name in USAGE_EVENTS.names if name not in ("source", "user_hash")), USER_ID)
"""What a mapping may tell: the columns of an event, and the user's id, which is hashed."""

# By unit, what a value is multiplied by to stand in the column's own: seconds, US dollars, tokens.
UNITS = {
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
    "usd": 1.0,
    "cents": 1e-2,
    "tokens": 1.0,
    "thousand_tokens": 1e3,
}
EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
"""Time formats that count from 1970-01-01 UTC, with the ticks of a second."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_field(value: object) -> object:
    return {"path": value} if isinstance(value, str | list) else value


def _unit(name: str) -> str:
    if name not in UNITS:
        raise ValueError(f"one of {', '.join(UNITS)}")
    return name


def _time_format(name: str) -> str:
    if name != "iso" and name not in EPOCHS and "%" not in name:
        raise ValueError(f"iso, {', '.join(EPOCHS)}, or a pattern such as %Y-%m-%d %H:%M:%S")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone such as UTC or Europe/Berlin") from None
    return name


Paths = Annotated[
    tuple[NonEmptyText, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])
]


class FieldMapping(ConfigShapeOfNames):
    """Where one part of an event stands. A path is a column, or keys joined by dots; of several the
    first that says something counts.

    `path` alone is the usual case. `plus`: numbers that the log tells apart and an event includes;
    a path may end in `*`. `join`: texts that make an id together. `until`: the moment at which a
    duration ends that began with the event; unknown where it equals `unless_equal`. `constant`: the
    same for every record. `values`: the log's words (a `*` at their end stands for any rest, case
    does not matter) and what they mean here, null for what says nothing; `otherwise` is what all
    others mean, `absent` what a record's silence means. `unit` and `time_format`: how the log writes
    numbers and moments. `or_content`: an event whose id no path tells is told by all else that it
    says, so that rows that say the same are one event.
    """

    path: Paths = ()
    plus: Paths = ()
    join: Paths = ()
    until: Paths = ()
    unless_equal: Paths = ()
    constant: str | None = None
    values: dict[str, str | None] = Field(default={})
    otherwise: str | None = None
    absent: str | None = None
    unit: Annotated[str, AfterValidator(_unit)] | None = None
    time_format: Annotated[str, AfterValidator(_time_format)] = "iso"
    or_content: bool = False

    @model_validator(mode="after")
    def _tells_one_thing(self) -> Self:
        told = [
            name
            for name, value in (
                ("path", self.path or self.plus),
                ("join", self.join),
                ("until", self.until),
                ("constant", self.constant),
            )
            if value
        ]
        if len(told) != 1:
            raise ValueError(
                f"has {' and '.join(told) or 'none'} of path, join, until, constant; give one"
            )
        return self

    def paths(self) -> Iterator[str]:
        """Every path that the field is read from."""
        for paths in (self.path, self.plus, self.join, self.until, self.unless_equal):
            yield from paths


class CallFilter(ConfigShapeOfNames):
    """Which records are calls to a model: those in which each path of `only` has one of its words,
    no path of `never` has one of its words, and one of `needs` says something. The others are
    counted, and are no mistakes."""

    only: dict[NonEmptyText, Paths] = Field(default={})
    never: dict[NonEmptyText, Paths] = Field(default={})
    needs: Paths = ()

    def paths(self) -> Iterator[str]:
        """Every path that the filter looks at."""
        yield from (*self.only, *self.never, *self.needs)


class UsageMapping(ConfigShapeOfNames):
    """One mapping file. `source` names the kind of log. `table`: where its records are in a
    database. `joins`: by further table there, which of its columns (the first that it has) is which
    of the event's; what it tells is at `<table>.<column>`. `timezone`: the zone of moments that name
    none; without one they are refused."""

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    table: NonEmptyText | None = None
    joins: dict[NonEmptyText, Annotated[dict[NonEmptyText, Paths], Field(min_length=1)]] = Field(
        default={}
    )
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    calls: CallFilter = CallFilter()
    fields: dict[str, Annotated[FieldMapping, BeforeValidator(_as_field)]]

    @model_validator(mode="before")
    @classmethod
    def _fields_are_known(cls, content: Any) -> Any:
        fields = content.get("fields") if isinstance(content, dict) else None
        for name in fields if isinstance(fields, dict) else ():
            if name not in MAPPED:
                raise ValueError(
                    f"fields: {name!r} is no part of an event; allowed: {', '.join(sorted(MAPPED))}"
                )
        return content

    @model_validator(mode="after")
    def _tells_what_an_event_needs(self) -> Self:
        for name in ("event_id", "started_at"):
            if name not in self.fields:
                raise ValueError(f"fields: {name} is missing; every event has one")
        for name, field in self.fields.items():
            if field.plus and not name.endswith("_tokens"):
                raise ValueError(f"fields: {name} has plus, which adds tokens alone")
            if field.until and not name.endswith("_s"):
                raise ValueError(f"fields: {name} has until, which ends durations alone")
        return self

    def paths(self) -> tuple[str, ...]:
        """Every path that is read, once: nothing else of a record is looked at."""
        told = [path for field in self.fields.values() for path in field.paths()]
        return tuple(dict.fromkeys([*told, *self.calls.paths()]))

    def reads(self, column: str) -> bool:
        """Whether something is read from a column of the log."""
        return any(_begins(path, column) for path in self.paths())

    def missing(self, columns: list[str]) -> list[str]:
        """Parts that every event needs and that none of the log's columns can tell."""
        return [
            name
            for name in ("event_id", "started_at")
            if not any(
                _begins(path, column) for path in self.fields[name].paths() for column in columns
            )
            and not self.fields[name].or_content
        ]


def _begins(path: str, column: str) -> bool:
    """Whether a path is that column or leads into it; `input_*` leads into every such column."""
    return (
        path == column
        or path.startswith(f"{column}.")
        or (path.endswith("*") and "." not in path and column.startswith(path[:-1]))
    )
