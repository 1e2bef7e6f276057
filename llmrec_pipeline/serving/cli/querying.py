"""`llmrec sql`: read-only questions to one edition's files, in an in-memory DuckDB that can read
nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb

from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table
from llmrec_pipeline.storage.editions import Edition, find_edition


class QueryError(Exception):
    """The query is wrong. One line."""


def sql(query: str, edition: str | None, wanted: Format | None) -> int:
    """Print what the query gives."""
    found = find_edition(read_locations().published, edition)
    with duckdb.connect(":memory:") as con:
        _open(con, found)
        try:
            relation = con.sql(query)
            frame = relation.pl() if relation is not None else None
        except duckdb.Error as error:
            raise QueryError(str(error).split("LINE 1:")[0].strip()) from None
    if frame is None:
        raise QueryError("the query gives no rows; one SELECT is expected")
    rows = frame.to_dicts()
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, frame.columns)
    return OK


def _open(con: duckdb.DuckDBPyConnection, edition: Edition) -> None:
    """Views over the edition's files, and no way to anything beyond them."""
    con.execute("SET TimeZone = 'UTC'")
    folder = edition.folder.resolve()
    con.execute(f"SET allowed_directories = [{_quoted(folder)}]")
    con.execute("SET enable_external_access = false")
    for path in sorted(folder.glob("*.parquet")):
        con.execute(f'CREATE VIEW "{path.stem}" AS SELECT * FROM read_parquet({_quoted(path)})')
    for table in ("models_history", "pulls"):
        months = sorted((folder / "history").glob(f"{table}_*.parquet"))
        if months:
            files = ", ".join(_quoted(path) for path in months)
            con.execute(f'CREATE VIEW "{table}" AS SELECT * FROM read_parquet([{files}])')
    con.execute("SET lock_configuration = true")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
