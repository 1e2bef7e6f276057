"""`keys/published.jsonl`: which names meant which key in which edition, append-only.

It lies beside the lake, not in the warehouse, which is thrown away at will, nor in an edition,
which may be pruned. Each line names what one edition said that none before it did.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from llmrec_pipeline.domain.key_redirects import Name, PublishedKey, key_redirects
from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.records import KEY_REDIRECTS
from llmrec_pipeline.storage.files import append_line
from llmrec_pipeline.storage.lake import polars_schema


def redirects_frame(con: duckdb.DuckDBPyConnection, record: Path) -> pl.DataFrame:
    """The table `key_redirects`, of what was ever published and what names mean now."""
    rows = [
        (r.old_key, r.canonical_model_key, r.since_edition, r.names, r.agreeing)
        for r in key_redirects(_published(record), _meanings(con))
    ]
    return pl.DataFrame(rows, schema=polars_schema(KEY_REDIRECTS), orient="row")


def note_published(con: duckdb.DuckDBPyConnection, record: Path, edition: str) -> None:
    """Add what the edition says and none before it did."""
    known = {(e.source, e.source_model_id, e.told, e.key) for e in _published(record)}
    said = {(*name, key) for name, key in _meanings(con).items()}
    if new := sorted(said - known):
        append_line(record, {"edition": edition, "names": new})


def _meanings(con: duckdb.DuckDBPyConnection) -> dict[Name, str]:
    rows = con.sql(
        "SELECT source, source_model_id, concat_ws(' ', release_date, same_as), "
        "canonical_model_key FROM resolved_names WHERE canonical_model_key IS NOT NULL"
    ).fetchall()
    return {(source, model_id, told): key for source, model_id, told, key in rows}


def _published(record: Path) -> Iterator[PublishedKey]:
    """What the record holds; a line that was cut short is passed over."""
    try:
        lines = record.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            entry = read_json(line)
            for source, model_id, told, key in entry["names"]:
                yield PublishedKey(entry["edition"], source, model_id, told, key)
        except (ValueError, KeyError, TypeError):
            continue
