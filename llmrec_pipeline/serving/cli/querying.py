"""`llmrec sql`: read-only questions to one edition's files, in an in-memory DuckDB that can read
nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.storage.editions import Edition, EditionError, find_edition
from llmrec_pipeline.storage.source_usage import COLUMNS, SourceUsage
from llmrec_pipeline.storage.warehouse import named_rows


class QueryError(Exception):
    """The query is wrong. One line."""


def sql(query: str, edition: str | None, wanted: Format | None) -> int:
    """Print what the query gives."""
    found = find_edition(read_locations().published, edition)
    with duckdb.connect(":memory:") as con:
        _open(con, found)
        try:
            columns, rows = _select(con, query)
        except duckdb.Error as error:
            raise QueryError(str(error).split("LINE 1:")[0].strip()) from None
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, columns)
    return OK


def edition_rows(
    edition: Edition, query: str, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What a query of ours gives on an edition; raises EditionError for one without its tables."""
    with duckdb.connect(":memory:") as con:
        _open(con, edition)
        try:
            result = con.execute(query, parameters) if parameters else con.execute(query)
        except duckdb.CatalogException:
            raise EditionError(
                f"{edition.folder}: is of an older shape; run `llmrec refresh`"
            ) from None
        return named_rows(result)


def _select(con: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Names and rows of one SELECT. Other statements are refused before they run: the edition's
    folder has to be open to DuckDB for reading, and it knows no folder that is only read."""
    statements = con.extract_statements(query)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements; one SELECT is expected")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError(f"{statements[0].type.name} is not allowed; one SELECT is expected")
    result = con.execute(statements[0])
    columns = _distinct([entry[0] for entry in result.description])
    rows = [
        {name: _plain(value) for name, value in zip(columns, row, strict=True)}
        for row in result.fetchall()
    ]
    return columns, rows


def _distinct(names: list[str]) -> list[str]:
    """Two columns of one name keep both values."""
    return [
        f"{name}_{names[:place].count(name)}" if name in names[:place] else name
        for place, name in enumerate(names)
    ]


def _plain(value: Any) -> Any:
    """JSON knows neither infinity nor NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def _open(con: duckdb.DuckDBPyConnection, edition: Edition) -> None:
    open_edition(con, edition)
    _add_usage(con)
    con.execute("SET lock_configuration = true")


def _add_usage(con: duckdb.DuckDBPyConnection) -> None:
    """`source_usage`, which belongs to no edition: it is no content, and tells of today."""
    con.execute("CREATE TABLE source_usage (source VARCHAR, attempted_at TIMESTAMPTZ, url VARCHAR)")
    rows = SourceUsage(read_locations().data).rows()
    if rows:
        values = [[row[name] for name in COLUMNS] for row in rows]
        con.executemany("INSERT INTO source_usage VALUES (?, ?, ?)", values)
