"""Metadata that answers "is it good?" in the UI without opening a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from dagster import MetadataValue, TableColumn, TableColumnConstraints, TableSchema
from sqlalchemy import FromClause

from llmrec_pipeline.domain.records import ORIGINS
from llmrec_pipeline.domain.table_schema import Kind, Table
from llmrec_pipeline.orchestration.plots import INLINE_LIMIT
from llmrec_pipeline.serving.markdown import markdown_table

# The UI knows these by their symbols.
_SHOWN_TYPES = {Kind.REAL: "float", Kind.INTEGER: "int", Kind.BOOLEAN: "bool"}
_STORED_TYPES: dict[type, str] = {
    int: "int",
    bool: "bool",
    Decimal: "decimal",
    datetime: Kind.TIMESTAMP.value,
    dict: "json",
}


def column_schema(table: Table) -> dict[str, TableSchema]:
    """The schema table's entry as Dagster shows it."""
    return {
        "dagster/column_schema": TableSchema(
            columns=[
                TableColumn(
                    column.name,
                    _SHOWN_TYPES.get(column.kind, column.kind.value),
                    f"{column.description} ({column.unit})" if column.unit else column.description,
                    TableColumnConstraints(
                        nullable=not column.required,
                        unique=table.key == (column.name,),
                    ),
                )
                for column in table.columns
            ]
        )
    }


def stored_schema(table: FromClause) -> dict[str, TableSchema]:
    """A table of the evidence store as Dagster shows it."""
    return {
        "dagster/column_schema": TableSchema(
            columns=[
                TableColumn(
                    column.name,
                    _STORED_TYPES.get(column.type.python_type, "text"),
                    constraints=TableColumnConstraints(
                        nullable=bool(column.nullable), unique=column.primary_key
                    ),
                )
                for column in table.columns
            ]
        )
    }


def counts_by_origin(origins: Iterable[str]) -> dict[str, int]:
    """How many sources are of each origin, zero included, so that the UI plots each over time."""
    counts = Counter(origins)
    return {f"sources_{origin}": counts[origin] for origin in ORIGINS}


def markdown(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> MetadataValue:
    """A small Markdown table, or `none` without rows; those that the UI would not show inline are
    counted instead."""
    listed = list(rows)
    if not listed:
        return MetadataValue.md("none")
    shown = len(listed)
    while len(text := _first(listed, shown, columns)) >= INLINE_LIMIT and shown > 1:
        shown -= 1
    return MetadataValue.md(text)


def _first(rows: Sequence[Mapping[str, Any]], shown: int, columns: Sequence[str]) -> str:
    table = markdown_table(rows[:shown], columns)
    left_out = len(rows) - shown
    return f"{table}\n\n… and {left_out} more" if left_out else table
