"""Bronze into the warehouse: what is new in the lake, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from llmrec_pipeline.domain.records import (
    BENCHMARK_RESULTS,
    MODELS_SNAPSHOT,
)
from llmrec_pipeline.storage.lake import Lake, PullRecord
from llmrec_pipeline.storage.warehouse import (
    WarehouseError,
    insert_frame,
    transaction,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought in."""

    pulls: int
    rows: int
    earliest: Mapping[str, datetime]  # by source, the first moment that is new


def load(con: duckdb.DuckDBPyConnection, lake: Lake) -> Loaded:
    """Take in the pull records and bronze files that are new; in one transaction, so that a
    killed load leaves nothing half."""
    with transaction(con):
        records = _new_records(con, lake)
        files = [lake.bronze / record.source / record.bronze for record in records if record.bronze]
        rows = _load_bronze(con, [record for record in records if record.bronze], files)
    earliest: dict[str, datetime] = {}
    for record in records:
        earliest[record.source] = min(
            earliest.get(record.source, record.observed_at), record.observed_at
        )
    return Loaded(len(records), rows, earliest)


def _new_records(con: duckdb.DuckDBPyConnection, lake: Lake) -> list[PullRecord]:
    positions = dict(con.sql("SELECT path, position FROM log_offsets").fetchall())
    records: list[PullRecord] = []
    for source in lake.sources():
        for path in lake.logs(source):
            name = f"{source}/{path.name}"
            start = positions.get(name, 0)
            if path.stat().st_size <= start:
                continue
            position = start
            for record, end in lake.read_log(path, start):
                records.append(record)
                position = end
            con.execute("INSERT OR REPLACE INTO log_offsets VALUES (?, ?)", [name, position])
    if not records:
        return []
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
    if ordered:
        frame = pl.DataFrame(
            [asdict(record) for record in ordered],
            schema={
                "source": pl.String,
                "observed_at": pl.Datetime("us", "UTC"),
                "landed_at": pl.Datetime("us", "UTC"),
                "content_hash": pl.String,
                "parser_version": pl.String,
                "index_version": pl.String,
                "rows": pl.Int64,
                "bronze": pl.String,
            },
        )
        insert_frame(con, "pull_records", frame)
    return ordered


def _load_bronze(
    con: duckdb.DuckDBPyConnection, records: list[PullRecord], files: list[Path]
) -> int:
    if not files:
        return 0
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise WarehouseError(f"{missing[0]}: recorded in the pull log but missing from the lake")
    columns = ", ".join(f"f.{name}" for name in MODELS_SNAPSHOT.names)
    try:
        con.execute(
            f"""
            INSERT INTO bronze_models BY NAME
            SELECT {columns}, r.content_hash, r.landed_at
            FROM read_parquet(?) AS f
            INNER JOIN pull_records AS r ON f.source = r.source AND f.observed_at = r.observed_at
            ORDER BY f.observed_at, f.source, f.source_model_id
            """,
            [[str(path) for path in files]],
        )
        benchmarks = [
            str(path)
            for record, models in zip(records, files, strict=True)
            if (
                path := models.with_name(
                    str(record.bronze).replace("models_snapshot_", "benchmark_results_")
                )
            ).exists()
        ]
        if benchmarks:
            names = ", ".join(BENCHMARK_RESULTS.names)
            con.execute(
                f"INSERT INTO bronze_benchmarks BY NAME SELECT {names} FROM read_parquet(?) "
                "ORDER BY observed_at, source",
                [benchmarks],
            )
    except duckdb.Error as error:
        raise WarehouseError(_damaged(files, error)) from None
    con.executemany(
        "INSERT INTO contents VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
        "SET observed_at = least(contents.observed_at, excluded.observed_at)",
        [[record.source, record.content_hash, record.observed_at] for record in records],
    )
    return sum(record.rows for record in records)


def _damaged(files: Sequence[Path], error: Exception) -> str:
    """Name the file that cannot be read; the reader's own message seldom does."""
    for path in files:
        try:
            pl.read_parquet_schema(path)
            pl.read_parquet(path, n_rows=1)
        except Exception as damage:  # noqa: BLE001 - any failure names the file
            return f"{path}: damaged: {str(damage).splitlines()[0]}"
    return str(error).splitlines()[0]
