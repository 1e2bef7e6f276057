"""What people wrote, as the pipeline reads it: exported tables below `data/evidence`, each up to a
watermark.

    evidence/watermarks.json        table → watermark of the newest export
    evidence/<table>/<watermark>.parquet
    evidence/<record table>.parquet

A file holds its whole table up to its watermark and never changes, so whoever has read a watermark
can read what stands behind it. The evidence store itself is not read here: a database that is away
leaves the last export in force.

Beside it lie the pipeline's own records that a report tells: advice and figures of our own calls.
They are no input, or each edition would call for another: an edition takes what was exported last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.records import (
    DECISIONS,
    MANUAL_BENCHMARKS,
    MODEL_RECOMMENDATIONS,
    MODEL_RUNTIME_STATS,
)
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.storage.files import write_json, write_parquet
from llmrec_pipeline.storage.lake import polars_schema

WRITTEN_TABLES = (DECISIONS, MANUAL_BENCHMARKS)
RECORD_TABLES = (MODEL_RECOMMENDATIONS, MODEL_RUNTIME_STATS)
_NEWEST = "watermarks.json"

Row = Mapping[str, Any]


class DamagedExport(Exception):
    """An exported table is not as it was written. One line that says what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: damaged; remove it, then `llmrec refresh` writes it anew from the evidence store"
        )


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a table was read: its greatest id, and a hash of its rows, since people correct them,
    too. It moves with what people write, whoever else writes to the store."""

    last_id: int = 0
    digest: str = ""

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Watermark:
        """The watermark of a table's rows."""
        if not rows:
            return cls()
        told = [{name: _told(value) for name, value in row.items()} for row in rows]
        content = json.dumps(sorted(told, key=lambda row: row["id"]), sort_keys=True)
        last = max(int(row["id"]) for row in rows)
        return cls(last, hashlib.sha256(content.encode()).hexdigest())

    @property
    def file_name(self) -> str:
        """Of the table up to here."""
        return f"{self.last_id}-{self.digest[:16]}.parquet"


Watermarks = Mapping[str, Watermark]
NOTHING: Watermarks = {table.name: Watermark() for table in WRITTEN_TABLES}


def exported_watermarks(folder: Path) -> Watermarks:
    """Those of the newest export; of nothing where there is none yet, or one that cannot be read."""
    try:
        told = read_json((folder / _NEWEST).read_bytes())
        return {name: Watermark(**told[name]) for name in NOTHING}
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING


def in_inputs(watermarks: Watermarks) -> dict[str, Any]:
    """As the inputs of an edition tell them."""
    return {name: asdict(mark) for name, mark in sorted(watermarks.items())}


def export(folder: Path, written: Mapping[str, Sequence[Row]]) -> Watermarks:
    """Write the tables, and return up to where."""
    watermarks = {table.name: Watermark.of(written[table.name]) for table in WRITTEN_TABLES}
    for table in WRITTEN_TABLES:
        path = folder / table.name / watermarks[table.name].file_name
        if _sound(path, watermarks[table.name]) is None:
            write_parquet(path, _frame(table, written[table.name]))
    write_json(folder / _NEWEST, in_inputs(watermarks))
    return watermarks


def read_written(folder: Path, table: Table, watermark: Mapping[str, Any]) -> pl.DataFrame:
    """A table up to a watermark, as the inputs of an edition tell it. Raises DamagedExport."""
    mark = Watermark(**watermark)
    if mark == NOTHING[table.name]:
        return _frame(table, [])
    path = folder / table.name / mark.file_name
    frame = _sound(path, mark)
    if frame is None:
        raise DamagedExport(path)
    return frame


def _sound(path: Path, mark: Watermark) -> pl.DataFrame | None:
    """What an exported file holds; None where that is not what its watermark says."""
    try:
        frame = _read(path)
        return frame if Watermark.of(frame.to_dicts()) == mark else None
    except (OSError, KeyError, ValueError, TypeError):
        return None


def _read(path: Path) -> pl.DataFrame:
    """Raises OSError and ValueError for what is damaged, on which Polars would panic."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    return pl.DataFrame(pq.read_table(path))


def export_records(folder: Path, records: Mapping[str, Sequence[Row]]) -> None:
    """Replace the record tables."""
    for table in RECORD_TABLES:
        write_parquet(folder / f"{table.name}.parquet", _frame(table, records[table.name]))


def read_records(folder: Path, table: Table) -> pl.DataFrame:
    """A record table as it was exported last; empty before the first export. Raises
    DamagedExport."""
    path = folder / f"{table.name}.parquet"
    none = _frame(table, [])
    if not path.is_file():
        return none
    try:
        # A column that the table has got since the export is empty.
        return pl.concat([none, _read(path)], how="diagonal")
    except (OSError, ValueError):
        raise DamagedExport(path) from None


def _frame(table: Table, rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=polars_schema(table))


def _told(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value
