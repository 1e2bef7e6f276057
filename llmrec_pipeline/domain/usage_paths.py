"""Where a value stands in a record of a log: the paths of a mapping, compiled once.

In: paths as `usage_mapping` describes them. Out: functions that find a value in a record that is
already parsed, None where it says nothing. Columns of JSON text are read into, once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from llmrec_pipeline.domain.table_schema import Column
from llmrec_pipeline.domain.usage_mapping import FieldMapping
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.domain.usage_values import as_count, as_name

Record = dict[str, Any]
"""A record of a log by its keys; JSON text in it is replaced by what it says once it is read into."""
Find = Callable[[Record], Any]


def field_finder(name: str, field: FieldMapping) -> Find:
    """What finds a field's value in a record, as the log writes it."""
    if field.constant is not None:
        return lambda _record: field.constant
    if field.join:
        return _joined(field.join)
    find = first_of(field.path)
    if find is None or field.plus:
        return _summed(find, field.plus, USAGE_EVENTS[name])
    return find


def _joined(paths: Sequence[str]) -> Find:
    """Texts as one id; None where none says anything."""
    finders = [path_finder(path) for path in paths]

    def find(record: Record) -> str | None:
        parts = [find_part(record) for find_part in finders]
        if all(part is None for part in parts):
            return None
        return ":".join("" if part is None else as_name(part) or "" for part in parts)

    return find


def _summed(first: Find | None, plus: Sequence[str], column: Column) -> Find:
    """A number and those that the log tells apart from it."""
    further = [_numbers(path) for path in plus]

    def find(record: Record) -> int | None:
        told = [number for find_more in further for number in find_more(record)]
        own = first(record) if first else None
        if own is not None:
            told.append(own)
        return sum(as_count(number, 1.0, column) for number in told) if told else None

    return find


def first_of(paths: Sequence[str]) -> Find | None:
    """What finds the first of several values that says something; None without a path."""
    finders = [path_finder(path) for path in paths]
    if len(finders) < 2:
        return finders[0] if finders else None

    def find(record: Record) -> Any:
        for find_one in finders:
            if (value := find_one(record)) is not None:
                return value
        return None

    return find


def path_finder(path: str) -> Find:
    """What finds the value at a path: None where there is none, or an empty text. A key may hold
    dots itself."""
    head, dot, rest = path.partition(".")
    find_rest = path_finder(rest) if dot else None

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
        find = path_finder(path)
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
