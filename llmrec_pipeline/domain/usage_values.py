"""Values of a log's records, brought to the form of a usage event's columns.

In: what stands in a record. Out: a name, a count, a number or a moment in UTC, in the column's own
unit and within its bounds. Raises `WrongValue` with a reason of the table in `usage_events`.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from llmrec_pipeline.domain.table_schema import Column
from llmrec_pipeline.domain.usage_mapping import EPOCHS

# Nobody called a language model before; what says so counts in another unit.
_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No id, model or role is longer; what is longer is somebody's text.
_LONGEST_NAME = 256
# Finish reasons of one call: one an answer, and few calls ask for more.
_MOST_REASONS = 16


class WrongValue(Exception):
    """A value that a field cannot have; its text is a reason of the table in `usage_events`."""


class Times:
    """Moments as logs write them. `zone`: that of moments that name none, without which they are
    refused; `latest`: no moment is later."""

    def __init__(self, zone: tzinfo | None, latest: datetime) -> None:
        self._zone = zone
        self._latest = latest

    def moment(self, value: Any, form: str) -> datetime:
        """In UTC. `form` is a time format of `usage_mapping`. A moment that a change of clocks makes
        ambiguous is the earlier one."""
        moment = _moment(value, form)
        if moment.tzinfo is None:
            if self._zone is None:
                raise WrongValue("naive_time")
            moment = moment.replace(tzinfo=self._zone)
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            raise WrongValue("implausible_time") from None
        if not _EARLIEST <= moment <= self._latest:
            raise WrongValue("implausible_time")
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
                raise WrongValue("not_a_time")
            return _EPOCH + timedelta(microseconds=int(number * 1_000_000 / ticks))
        if isinstance(value, str):
            text = value.strip()
            return datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007 - the zone is judged by the caller
    except OverflowError:
        raise WrongValue("implausible_time") from None
    except (ValueError, ArithmeticError):
        raise WrongValue("not_a_time") from None
    raise WrongValue("not_a_time")


def as_name(value: Any) -> str | None:
    """A name, an id; None for a blank one."""
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise WrongValue("not_a_name")
    text = value.strip()
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise WrongValue("not_utf8") from None
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise WrongValue("not_a_name")
    return text or None


def as_word(value: Any) -> str | None:
    """A name without blanks."""
    text = as_name(value)
    if text is not None and " " in text:
        raise WrongValue("not_a_name")
    return text


def as_one_of(words: frozenset[str], value: Any) -> str | None:
    """A name that is one of these words."""
    text = as_name(value)
    if text is not None and text not in words:
        raise WrongValue("unknown_word")
    return text


def as_reasons(value: Any) -> str:
    """A JSON list of finish reasons, each a word."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise WrongValue("not_a_name") from None
    reasons = [value] if isinstance(value, str) else value
    if not isinstance(reasons, list | tuple) or len(reasons) > _MOST_REASONS:
        raise WrongValue("not_a_name")
    if not all(isinstance(reason, str) for reason in reasons):
        raise WrongValue("not_a_name")
    return json.dumps([as_word(reason) for reason in reasons], ensure_ascii=False)


def _number(value: Any) -> float | int | Decimal:
    if isinstance(value, str):
        try:
            value = Decimal(value.strip())
        except ArithmeticError:
            raise WrongValue("not_a_number") from None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise WrongValue("not_a_number")
    # A decimal that no float can hold is finite, and too large.
    is_finite = (
        value.is_finite()
        if isinstance(value, Decimal)
        else isinstance(value, int) or math.isfinite(value)
    )
    if not is_finite:
        raise WrongValue("not_a_number")
    return value


def as_count(value: Any, scale: float, column: Column) -> int:
    """A whole number of at least 0 within the column's bounds, times `scale` into its unit."""
    number = _number(value)
    if scale != 1.0:
        number = _scaled(number, scale)
    if number < 0:
        raise WrongValue("negative")
    # Before it is written out: a short text can name a number of millions of digits.
    refuse_above(column, number)
    if not isinstance(number, int) and number != int(number):
        raise WrongValue("not_a_number")
    if column.minimum is not None and number < column.minimum:
        raise WrongValue("too_small")
    return int(number)


def as_real(value: Any, scale: float, column: Column) -> float:
    """A number within the column's bounds, times `scale` into its unit."""
    number = _number(value)
    if column.minimum is not None and number < column.minimum:
        raise WrongValue("negative")
    scaled = _scaled(number, scale)
    refuse_above(column, scaled)
    return scaled


def _scaled(number: float | int | Decimal, scale: float) -> float:
    try:
        scaled = float(number) * scale
    except OverflowError:
        scaled = math.inf
    if not math.isfinite(scaled):
        raise WrongValue("too_large")
    return scaled


def refuse_above(column: Column, number: float | int | Decimal) -> None:
    """Raises WrongValue for a number, in the column's unit, above the column's highest."""
    if column.maximum is not None and number > column.maximum:
        raise WrongValue("too_large")
