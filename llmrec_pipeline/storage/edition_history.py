"""An edition's history: a file of rows and one of pulls for each month. A month that has not changed is
a hard link to the edition before; the warehouse keeps each month's digest until something touches
the month.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.records import MODELS_HISTORY, PULLS
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.storage.content_digest import SIGNIFICANT_DIGITS, digest_of, rounded
from llmrec_pipeline.storage.editions import Edition, EditionError, Published
from llmrec_pipeline.storage.files import write_parquet
from llmrec_pipeline.storage.warehouse import get_meta, set_meta, sql_text, transaction

HISTORY = "history"
_LAYOUT = "history_layout"


def write_history(
    con: duckdb.DuckDBPyConnection, folder: Path, before: Published | None
) -> tuple[dict[str, Any], list[str]]:
    """Monthly files of history and pulls, and the months whose files were found damaged; a month
    that has not changed is a hard link. The warehouse keeps each month's digest until something
    touches the month."""
    layout = _history_layout()
    if get_meta(con, _LAYOUT) != layout:
        with transaction(con):
            con.execute("UPDATE history_months SET digest = NULL")
            set_meta(con, _LAYOUT, layout)
    months: dict[str, Any] = {}
    damaged = []
    for month, *noted in con.sql(
        "SELECT month, digest, rows, pulls FROM history_months ORDER BY month"
    ).fetchall():
        entry = dict(zip(("digest", "rows", "pulls"), noted, strict=True))
        if entry["digest"] is None or not _link_month(folder, month, before, entry):
            if before is not None and not _is_sound(before.edition, month):
                damaged.append(month)
            entry = _write_month(con, folder, month, None if month in damaged else before)
        if entry["pulls"]:
            months[month] = entry
    return months, damaged


def _is_sound(edition: Edition, month: str) -> bool:
    """Whether what the edition has of a month is as it was published."""
    files = [f"{HISTORY}/{name}" for name in _month_files(month)]
    try:
        edition.verify(name for name in files if (edition.folder / name).exists())
    except EditionError:
        return False
    return True


def _history_layout() -> str:
    """Hash of what decides the files of a month, beside the pulls, the rows and the names."""
    parts = ("models_history", "accepted_pulls", "history_of_month", "pulls_of_month")
    text = "\n".join([*(sql_text(part) for part in parts), str(SIGNIFICANT_DIGITS)])
    return hashlib.sha256(text.encode()).hexdigest()


def _month_files(month: str) -> tuple[str, str]:
    return f"models_history_{month}.parquet", f"pulls_{month}.parquet"


def _link_month(
    folder: Path, month: str, before: Published | None, entry: Mapping[str, Any]
) -> bool:
    """Take the month's files over from the edition before, where they hold the same."""
    if before is None or before.manifest["months"].get(month) != entry:
        return False
    names = _month_files(month)
    try:
        for name in names:
            os.link(before.edition.folder / HISTORY / name, folder / HISTORY / name)
    except OSError:
        for name in names:
            (folder / HISTORY / name).unlink(missing_ok=True)
        return False
    return True


def _write_month(
    con: duckdb.DuckDBPyConnection, folder: Path, month: str, before: Published | None
) -> dict[str, Any]:
    first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    bounds = {"first": first, "following": following}
    history = _ordered(con.sql(sql_text("history_of_month"), params=bounds).pl(), MODELS_HISTORY)
    pulls = _ordered(con.sql(sql_text("pulls_of_month"), params=bounds).pl(), PULLS)
    parts = digest_of(rounded(history)), digest_of(pulls.drop("landed_at"))
    entry = {
        "digest": hashlib.sha256("".join(parts).encode()).hexdigest(),
        "rows": history.height,
        "pulls": pulls.height,
    }
    con.execute(
        "UPDATE history_months SET digest = ?, rows = ?, pulls = ? WHERE month = ?",
        [entry["digest"], entry["rows"], entry["pulls"], month],
    )
    if pulls.height and not _link_month(folder, month, before, entry):
        for name, frame in zip(_month_files(month), (history, pulls), strict=True):
            write_parquet(folder / HISTORY / name, frame)
    return entry


def _ordered(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Sorted by the table's key, and by everything where that is no key after all."""
    if frame.height == frame.n_unique(table.key):
        return frame.sort(table.key)
    return frame.sort(pl.all(), nulls_last=True)
