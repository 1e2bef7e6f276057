"""Metadata that answers "is it good?" in the UI without opening a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dagster import MetadataValue, TableColumn, TableColumnConstraints, TableSchema

from llmrec_pipeline.domain.records import Kind, Table

# The UI knows these by their symbols.
_SHOWN_TYPES = {Kind.REAL: "float", Kind.INTEGER: "int", Kind.BOOLEAN: "bool"}


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


def markdown_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> MetadataValue:
    """A small Markdown table; what a publisher wrote cannot break out of its cell."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(row.get(name)) for name in columns)} |" for row in rows]
    return MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    for mark in ("\\", "|", "`", "<", ">", "[", "]", "*", "_"):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")
