"""Reading cells: a value, NULL, or a bad value that becomes NULL and is counted.

Ranges come from the schema table, paths and units from the field map in sources.yaml.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from llmrec_pipeline.domain.records import MODELS_SNAPSHOT
from llmrec_pipeline.domain.table_schema import Column, Kind
from llmrec_pipeline.settings import FieldRule, Scheme
from llmrec_pipeline.sources.pull import InvalidStructure, RawPage

_ABSENT = object()
MAX_TEXT = 300
BATCH = ":batch"
"""The end of an id under which answers may take a day: its price is no price of an ordinary call."""
_HUGE = 10**18
# No value of ours has more digits; reading one that has would take long or fail.
_MAX_DIGITS = 40
# Of fewer values than this, a share says nothing: bad ones are left out, the others are used.
_ENOUGH = 8
_SITE = re.compile(r"^https?://[^/]+/")
PRICES = ("price_input_per_1m", "price_output_per_1m")
_PART_OF_A_DATE = re.compile(r"|\d{4}(-(0[1-9]|1[0-2]))?")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?")


def the_page(pages: Sequence[RawPage]) -> RawPage:
    """The page of a publisher that has one; raises InvalidStructure."""
    if len(pages) != 1:
        raise InvalidStructure(f"{len(pages)} pages; one is expected")
    return pages[0]


def asked_url(page: RawPage) -> str:
    """Where the page's rows were read, without the query."""
    return page.url.partition("?")[0]


def load_json(page: RawPage) -> Any:
    """The page's JSON; raises InvalidStructure that says what came instead."""
    try:
        return json.loads(page.body, parse_int=_integer)
    except RecursionError:
        raise InvalidStructure(f"{page.name}: nested too deeply to be a page") from None
    except ValueError as error:
        kind = "HTML" if page.body.lstrip()[:1] == b"<" else f"no JSON ({error})"
        raise InvalidStructure(f"{page.name}: {kind}, {len(page.body)} bytes") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def at(record: object, path: str) -> Any:
    """The value at a dotted path; `_ABSENT` stays inside this module."""
    value = record
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def get(record: object, path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value = at(record, path)
    return None if value is _ABSENT else value


def require_paths(records: Sequence[object], paths: Iterable[str], what: str) -> None:
    """Each path must be a key of at least half of the records; raises InvalidStructure."""
    for path in paths:
        present = sum(1 for record in records if at(record, path) is not _ABSENT)
        if present * 2 < len(records):
            raise InvalidStructure(
                f"{what}: {path} is in {present} of {len(records)} records; was it renamed?"
            )


def text(value: object) -> str | None:
    """Text without control characters or outer blanks, bounded; None where there is none."""
    if not isinstance(value, str):
        return None
    if not value.isprintable():
        value = "".join(character for character in value if character.isprintable())
    return value.strip()[:MAX_TEXT] or None


def scaled(value: Any, factor: float = 1.0) -> Any:
    """A number, or text that is one, times a factor, exact to the last digit. -1, which says
    unknown, and whatever is no number stay what they are."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    digits = str(value).strip()
    if len(digits) > _MAX_DIGITS:
        return value
    try:
        number = Decimal(digits)
        return -1 if number == -1 else float(number * Decimal(str(factor)))
    except (ArithmeticError, ValueError):
        return value


class CellReader:
    """Reads the mapped cells of records and counts what was bad, by column."""

    def __init__(self, rules: Mapping[str, FieldRule]) -> None:
        self._rules = [(MODELS_SNAPSHOT[name], rule) for name, rule in rules.items()]
        self.bad: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def read(self, record: object) -> dict[str, Any]:
        """The mapped columns of one record."""
        return {
            column.name: self._cell(column, rule, get(record, rule.path))
            for column, rule in self._rules
        }

    def _cell(self, column: Column, rule: FieldRule, value: Any) -> Any:
        if value is None:
            return None
        self.seen[column.name] += 1
        if rule.contains:
            held = isinstance(value, (list, Mapping))
            return self._known(column, any(c in value for c in rule.contains) if held else None)
        if column.kind in (Kind.REAL, Kind.INTEGER):
            return self._mapped_number(column, rule, value)
        if column.kind is Kind.BOOLEAN:
            return self._known(column, value if isinstance(value, bool) else None)
        if column.kind is Kind.DATE:
            # `2025-04`, `2025` and nothing are days that are not known.
            if isinstance(value, str) and _PART_OF_A_DATE.fullmatch(value):
                return None
            return self._known(column, _date(value))
        return self._known(column, text(value))

    def priced(self, column: Column, rule: FieldRule, value: Any) -> float | int | None:
        """A cell outside the field map, read by the rule of its column."""
        self.seen[column.name] += 1
        return self._mapped_number(column, rule, value)

    def _mapped_number(self, column: Column, rule: FieldRule, value: Any) -> float | int | None:
        scale = rule.scale
        if rule.decimal:
            value, scale = scaled(value, scale), 1.0
        return self.number(column, value, scale=scale, zero_is_unknown=rule.zero == "unknown")

    def see(self, column: str, value: Any) -> Any:
        """Counts a cell that is read elsewhere; None there is a bad value."""
        self.seen[column] += 1
        self.bad[column] += value is None
        return value

    def optional_number(
        self, column: Column, value: Any, *, zero_is_unknown: bool = False
    ) -> float | int | None:
        """`number` of a cell outside the field map, where None is simply unknown."""
        if value is None:
            return None
        self.seen[column.name] += 1
        return self.number(column, value, zero_is_unknown=zero_is_unknown)

    def _known(self, column: Column, value: Any) -> Any:
        if value is None:
            self.bad[column.name] += 1
        return value

    def number(
        self, column: Column, value: Any, *, scale: float = 1.0, zero_is_unknown: bool = False
    ) -> float | int | None:
        """A finite number within the column's range, whole where the column is, or None; -1 is
        the other way to say unknown, so it is not counted as bad."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.bad[column.name] += 1
            return None
        # Integers beyond a double's range would overflow in float().
        number = math.inf if abs(value) > _HUGE else float(value) * scale + 0.0  # no -0.0
        if value == -1 or (number == 0 and zero_is_unknown):
            return None
        low = -math.inf if column.minimum is None else column.minimum
        high = math.inf if column.maximum is None else column.maximum
        is_whole = column.kind is Kind.INTEGER
        if not (math.isfinite(number) and low <= number <= high) or (
            is_whole and not number.is_integer()
        ):
            self.bad[column.name] += 1
            return None
        return int(number) if is_whole else number

    @property
    def bad_values(self) -> dict[str, int]:
        """How many bad values each column has, for the columns that have some."""
        return {column: count for column, count in sorted(self.bad.items()) if count}

    def require_mostly_good(self, max_bad_share: float) -> None:
        """Raises InvalidStructure where more than that share of a column's cells was bad: another
        unit or type, not a slip."""
        for column, bad in self.bad_values.items():
            seen = self.seen[column]
            if seen >= _ENOUGH and bad > max_bad_share * seen:
                raise InvalidStructure(
                    f"{column}: {bad} of {seen} values are not what they should be"
                )


def same_as(record: object, paths: Mapping[Scheme, str]) -> str | None:
    """The ids by which the publisher says which model it means, `scheme:id` by blanks; an id is
    what stands behind a site's address. None where it gives none."""
    ids = []
    for scheme, path in paths.items():
        given = text(get(record, path))
        if given and not any(character.isspace() for character in given):
            ids.append(f"{scheme}:{_SITE.sub('', given).strip('/')}")
    return " ".join(ids) or None


def settle_prices(row: dict[str, Any], *, zero_is_price: bool = True) -> dict[str, Any]:
    """The row with `is_free` and its prices of input and output (USD per 1,000,000 tokens). Zero for
    both means a host that charges nothing, unless `zero_is_price` denies it; one zero alone means
    unknown."""
    if zero_is_price and all(row.get(column) == 0 for column in PRICES):
        return row | {"is_free": True}
    unknown = {column: None for column in PRICES if row.get(column) == 0}
    is_known = any(row.get(column) for column in PRICES)
    return row | unknown | {"is_free": False if is_known else None}


def _date(value: object) -> date | None:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
