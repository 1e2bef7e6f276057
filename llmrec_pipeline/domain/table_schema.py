"""What a table and a column are, whatever stores them.

In: names, kinds, units and bounds. Out: the descriptions from which each storage makes its own: DDL,
Polars schemas, Dagster table schemas and checks. The tables themselves: `records`, `usage_records`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds; each storage maps it to a type of its own."""

    TEXT = "text"
    REAL = "real"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"  # UTC, microseconds


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `minimum` and `maximum` are inclusive; a value outside is a bad value."""

    name: str
    kind: Kind
    description: str
    unit: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in order and the columns that identify a row."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Column:
        """The column of that name; raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)


def text(name: str, description: str, *, required: bool = False) -> Column:
    """A column of text."""
    return Column(name, Kind.TEXT, description, required=required)


def real(
    name: str,
    description: str,
    unit: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    required: bool = False,
) -> Column:
    """A column of doubles in a unit."""
    return Column(name, Kind.REAL, description, unit, required, minimum, maximum)


def timestamp(name: str, description: str, *, required: bool = False) -> Column:
    """A column of moments in UTC."""
    return Column(name, Kind.TIMESTAMP, description, "UTC", required)
