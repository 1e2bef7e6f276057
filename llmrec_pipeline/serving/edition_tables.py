"""An edition's files as tables of an in-memory DuckDB that can read nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb

from llmrec_pipeline.domain.records import MODELS_HISTORY, PULLS
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.storage.editions import Edition
from llmrec_pipeline.storage.warehouse import SQL_TYPES


def open_edition(con: duckdb.DuckDBPyConnection, edition: Edition) -> None:
    """Views over the edition's files, and no way to anything beyond them; raises EditionError for
    an edition that is damaged."""
    edition.verify()
    con.execute("SET TimeZone = 'UTC'")
    folder = edition.folder.resolve()
    con.execute(f"SET allowed_directories = [{_quoted(folder)}]")
    con.execute("SET enable_external_access = false")
    for path in sorted(folder.glob("*.parquet")):
        con.execute(f'CREATE VIEW "{path.stem}" AS SELECT * FROM read_parquet({_quoted(path)})')
    for table in (MODELS_HISTORY, PULLS):
        months = sorted((folder / "history").glob(f"{table.name}_*.parquet"))
        files = ", ".join(_quoted(path) for path in months)
        rows = f"SELECT * FROM read_parquet([{files}])" if months else _no_rows(table)
        con.execute(f'CREATE VIEW "{table.name}" AS {rows}')


def _no_rows(table: Table) -> str:
    """The table as it is before the first accepted pull."""
    columns = ", ".join(
        f"CAST(NULL AS {SQL_TYPES[column.kind]}) AS {column.name}" for column in table.columns
    )
    return f"SELECT {columns} WHERE false"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
