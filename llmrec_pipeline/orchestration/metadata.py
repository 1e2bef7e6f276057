"""Metadata that answers "is it good?" in the UI without opening a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dagster import MetadataValue, TableColumn, TableColumnConstraints, TableSchema

from llmrec_pipeline.domain.records import Kind, Table
from llmrec_pipeline.serving.markdown import markdown_table

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


def markdown(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> MetadataValue:
    """A small Markdown table."""
    return MetadataValue.md(markdown_table(rows, columns))
