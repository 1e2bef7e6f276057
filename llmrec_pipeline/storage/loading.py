"""Bronze into the warehouse: what is new in the lake, pull by pull whole."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, INDEX_COLUMNS, MODELS_SNAPSHOT
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.storage.lake import Lake, benchmarks_file, polars_schema
from llmrec_pipeline.storage.pull_log import PullRecord, records_in
from llmrec_pipeline.storage.warehouse import (
    WarehouseError,
    insert_frame,
    transaction,
)
from llmrec_pipeline.yaml_section import first_line

_FILE = ("source", "observed_at")
_OF_THE_RECORD = ("content_hash", "landed_at")
# Bounds the memory of a first load of years.
_PULLS_AT_ONCE = 250
_RECORDS: dict[str, Any] = {
    "source": pl.String,
    "observed_at": pl.Datetime("us", "UTC"),
    "landed_at": pl.Datetime("us", "UTC"),
    "content_hash": pl.String,
    "parser_version": pl.String,
    "rows": pl.Int64,
    "bronze": pl.String,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought in: pulls, changed or not, and rows of models."""

    pulls: int
    rows: int


def load(con: duckdb.DuckDBPyConnection, lake: Lake) -> Loaded:
    """Take in the pull records and bronze files that are new. Each transaction holds whole pulls,
    so that a killed load leaves nothing half, and the next one goes on where it ended. Raises
    WarehouseError naming a file that is missing or damaged."""
    records, positions = _new_records(con, lake)
    for start in range(0, len(records), _PULLS_AT_ONCE):
        part = records[start : start + _PULLS_AT_ONCE]
        with transaction(con):
            insert_frame(con, "pull_records", _frame(part))
            _load_files(con, lake, [record for record in part if record.bronze])
    with transaction(con):
        for name, position in positions.items():
            con.execute("INSERT OR REPLACE INTO log_offsets VALUES (?, ?)", [name, position])
    return Loaded(len(records), sum(record.rows for record in records if record.bronze))


def _new_records(
    con: duckdb.DuckDBPyConnection, lake: Lake
) -> tuple[list[PullRecord], dict[str, int]]:
    """Records of the logs that are not in the warehouse, by time, and how far each log that grew
    has been read. Of two records for one moment, the one that landed first stands."""
    read = dict(con.sql("SELECT path, position FROM log_offsets").fetchall())
    positions: dict[str, int] = {}
    records: list[PullRecord] = []
    for source in lake.sources():
        for path in lake.logs(source):
            name = f"{source}/{path.name}"
            start = read.get(name, 0)
            if path.stat().st_size <= start:
                continue
            for record, end in records_in(path, start):
                records.append(record)
                positions[name] = end
    if not records:
        return [], positions
    known = set(
        con.execute(
            "SELECT source, observed_at FROM pull_records WHERE observed_at >= ?",
            [min(record.observed_at for record in records)],
        ).fetchall()
    )
    fresh: dict[tuple[str, datetime], PullRecord] = {}
    for record in records:
        key = (record.source, record.observed_at)
        if key not in known:
            fresh.setdefault(key, record)
    ordered = sorted(fresh.values(), key=lambda record: (record.observed_at, record.source))
    return ordered, positions


def _frame(records: Sequence[PullRecord]) -> pl.DataFrame:
    return pl.DataFrame([asdict(record) for record in records], schema=_RECORDS)


def _load_files(con: duckdb.DuckDBPyConnection, lake: Lake, records: Sequence[PullRecord]) -> None:
    """Append the rows of these pulls. Polars reads many small files several times as fast as
    DuckDB does."""
    if not records:
        return
    models, benchmarks = [], []
    for record in records:
        path = lake.bronze / record.source / Path(str(record.bronze)).name
        models.append(_read(path, MODELS_SNAPSHOT, record, rows=record.rows))
        path = path.with_name(benchmarks_file(path.name))
        if path.name in record.files or path.exists():
            benchmarks.append(_read(path, BENCHMARK_RESULTS, record).drop(_OF_THE_RECORD))
    rows = pl.concat(models, how="diagonal")
    insert_frame(con, "bronze_models", rows)
    insert_frame(con, "measures_held", _indices_held(rows))
    if benchmarks:
        scores = pl.concat(benchmarks, how="diagonal")
        insert_frame(con, "bronze_benchmarks", scores)
        insert_frame(con, "measures_held", _benchmarks_held(scores))
    _note_contents(con, records)


def _indices_held(rows: pl.DataFrame) -> pl.DataFrame:
    """How many values each file has of each index column."""
    columns = [column.name for column in INDEX_COLUMNS if column.name in rows.columns]
    counts = rows.group_by(_FILE).agg(pl.col(columns).count())
    held = counts.unpivot(columns, index=_FILE, variable_name="name", value_name="n")
    return held.filter(pl.col("n") > 0)


def _benchmarks_held(scores: pl.DataFrame) -> pl.DataFrame:
    """How many scores each file has of each category of a benchmark, by version and unit."""
    named = scores.rename({"benchmark_name": "name"})
    return named.group_by(*_FILE, "name", "category", "index_version", "unit").agg(
        pl.len().cast(pl.Int64).alias("n")
    )


def _read(path: Path, table: Table, record: PullRecord, rows: int | None = None) -> pl.DataFrame:
    """The columns of a bronze file that we know, with those of its record; one that an older
    parser did not write is NULL in the warehouse."""
    schema = polars_schema(table)
    try:
        body = path.read_bytes()
        told = record.files.get(path.name)
        if told is not None and hashlib.sha256(body).hexdigest() != told:
            raise ValueError("the content differs from its sha256")
        frame = pl.read_parquet(io.BytesIO(body))
        frame = frame.select(
            pl.col(name).cast(kind) for name, kind in schema.items() if name in frame.columns
        )
        is_of_pull = frame.select(
            (pl.col("source") == record.source).all()
            & (pl.col("observed_at") == record.observed_at).all()
        ).item()
    except FileNotFoundError:
        raise WarehouseError(
            f"{path}: recorded in the pull log but missing from the lake; restore it from a backup"
        ) from None
    except Exception as damage:  # noqa: BLE001 - whatever it is, the file is named
        raise WarehouseError(
            f"{path}: damaged: {first_line(damage)}; restore it from a backup"
        ) from None
    if not is_of_pull or rows not in (None, frame.height):
        raise WarehouseError(
            f"{path}: damaged: its {frame.height} rows are not the {record.rows} of the pull of "
            f"{iso(record.observed_at)}; restore it from a backup"
        )
    return frame.with_columns(
        pl.lit(record.content_hash).alias("content_hash"),
        pl.lit(record.landed_at).cast(_RECORDS["landed_at"]).alias("landed_at"),
    )


def _note_contents(con: duckdb.DuckDBPyConnection, records: Sequence[PullRecord]) -> None:
    """Where in bronze each content stands: the newest place, which is the cheapest to read beside
    the pulls that repeat it."""
    con.register("landed", _frame(records).to_arrow())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE places AS "
        "SELECT source, content_hash, max(observed_at) AS observed_at FROM ("
        "SELECT source, content_hash, observed_at FROM landed UNION ALL "
        "SELECT c.* FROM contents AS c SEMI JOIN landed AS l "
        "ON c.source = l.source AND c.content_hash = l.content_hash"
        ") GROUP BY ALL"
    )
    con.unregister("landed")
    con.execute(
        "DELETE FROM contents AS c USING places AS p "
        "WHERE c.source = p.source AND c.content_hash = p.content_hash"
    )
    con.execute("INSERT INTO contents SELECT * FROM places")
