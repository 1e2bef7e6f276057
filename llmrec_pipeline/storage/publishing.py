"""Making an edition: tables written aside, hashed, and switched in by one rename.

Only one process publishes at a time: the one that holds the warehouse.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.gone_models import without_gone
from llmrec_pipeline.domain.timestamps import iso, stamp
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.sources.pull import NOT_CONTENT
from llmrec_pipeline.storage.code_version import code_version
from llmrec_pipeline.storage.content_digest import edition_digest, frame_digest, payload_digest
from llmrec_pipeline.storage.edition_history import HISTORY, write_history
from llmrec_pipeline.storage.editions import (
    CURRENT,
    MANIFEST,
    RANKING,
    Edition,
    EditionError,
    Published,
    current_edition,
    file_entry,
    sealed,
)
from llmrec_pipeline.storage.files import sync_folder, write_bytes, write_json, write_parquet
from llmrec_pipeline.storage.inputs import hash_inputs
from llmrec_pipeline.storage.judging import doubts
from llmrec_pipeline.storage.key_record import note_published, redirects_frame
from llmrec_pipeline.storage.origins import read_serving
from llmrec_pipeline.storage.ranking_payload import origin_of, ranking_payload
from llmrec_pipeline.storage.source_usage import quota_in_words
from llmrec_pipeline.storage.use_cases import use_cases_frame
from llmrec_pipeline.storage.written import (
    RECORD_TABLES,
    WRITTEN_TABLES,
    read_records,
    read_written,
)

PUBLISHED_TABLES = (
    "models_latest",
    "model_offerings",
    "price_conflicts",
    "measures_latest",
    "silver_models",
    "task_rankings",
    "category_rankings",
    "market_changes",
    "market_changes_month",
    "consensus",
    "measure_readings",
    "measure_populations",
    "model_identity_map",
    "model_identity_review",
)
_NAMES = (
    "SELECT source, source_model_id, model_name, creator, host, release_date, same_as "
    "FROM resolved_names"
)


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    now: datetime,
    inputs: Mapping[str, Any],
) -> Published:
    """Write an edition of what the warehouse holds and make it the current one. Equal inputs and
    equal content leave the current edition in force, unless it is damaged. Raises EditionError
    where `current` is no link, DamagedExport, and OSError."""
    published = settings.locations.published
    published.mkdir(parents=True, exist_ok=True)
    _sweep(published)
    before = _sound_edition(published)
    serving = read_serving(con)
    doubted = doubts(con)
    folder = published / f".{uuid.uuid4().hex}"
    (folder / HISTORY).mkdir(parents=True)
    try:
        tables = {}
        for table in PUBLISHED_TABLES:
            tables[table] = _write_table(con, f"SELECT * FROM {table}", folder / f"{table}.parquet")
        tables["benchmark_results"] = _write_table(
            con, "SELECT * FROM serving_benchmarks", folder / "benchmark_results.parquet"
        )
        tables["source_names"] = _write_table(con, _NAMES, folder / "source_names.parquet")
        tables["use_cases"] = _write_frame(use_cases_frame(settings), folder / "use_cases.parquet")
        redirects = redirects_frame(con, settings.locations.published_keys)
        tables["key_redirects"] = _write_frame(redirects, folder / "key_redirects.parquet")
        for written in WRITTEN_TABLES:
            watermark = inputs["written"][written.name]
            frame = read_written(settings.locations.evidence, written, watermark)
            tables[written.name] = _write_frame(frame, folder / f"{written.name}.parquet")
        for records in RECORD_TABLES:
            frame = read_records(settings.locations.evidence, records)
            tables[records.name] = _write_frame(frame, folder / f"{records.name}.parquet")
        months, damaged = write_history(con, folder, before)
        payload = ranking_payload(con, settings, serving)
        payload["key_redirects"] = _redirected(redirects)
        tables["ranking"] = {"digest": payload_digest(payload), "rows": len(payload["models"])}
        digest = edition_digest(tables, months)
        inputs_hash = hash_inputs(inputs)
        if (
            before is not None
            and not damaged
            and before.manifest["inputs_hash"] == inputs_hash
            and before.manifest["content_digest"] == digest
        ):
            note_published(con, settings.locations.published_keys, before.edition.name)
            return before
        name = _name(published, now, digest)
        write_bytes(folder / RANKING, _ranking(name, payload))
        manifest = {
            "edition": name,
            "published_at": iso(now),
            "snapshot_ts": payload["snapshot_ts"],
            "inputs_hash": inputs_hash,
            "inputs": dict(inputs),
            "content_digest": digest,
            "code_version": code_version(),
            "config_hash": settings.content_hash,
            "sources": {
                entry.source: {
                    **origin_of(entry, settings),
                    "bronze": inputs["sources"][entry.source]["bronze"],
                    "content_hash": entry.content_hash,
                    "accepted_at": iso(entry.accepted_at) if entry.accepted_at else None,
                    "accepted_content": entry.accepted_content,
                    "in_fixture": entry.in_fixture,
                    "doubt": doubted.get(entry.source),
                    "doubted_until": iso(entry.doubted_until) if entry.doubted_until else None,
                    "quota": quota_in_words(settings, entry.source, now),
                }
                for entry in serving
            },
            "tables": tables,
            "months": months,
            "files": _files(folder, before),
        }
        manifest = sealed(manifest)
        write_json(folder / MANIFEST, manifest)
        sync_folder(folder / HISTORY)
        folder.rename(published / name)
        _switch(published, name)
        note_published(con, settings.locations.published_keys, name)
        return Published(Edition(name, published / name), manifest, is_new=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ranking(edition: str, payload: Mapping[str, Any]) -> bytes:
    """The payload as `Edition.ranking` reads it."""
    models, gone = without_gone(payload["models"])
    content = {"edition": edition, **payload, "models": models, "gone": gone}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _redirected(redirects: pl.DataFrame) -> dict[str, str]:
    """Key of today by key of before."""
    known = redirects.drop_nulls("canonical_model_key")
    return dict(zip(known["old_key"], known["canonical_model_key"], strict=True))


def _sweep(published: Path) -> None:
    """Remove what a killed publisher left: it is unfinished, and nobody reads it."""
    for path in published.glob(".*"):
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _sound_edition(published: Path) -> Published | None:
    """The current edition where it is whole. A damaged one is no ground to build on, and no reason
    to stop."""
    edition = current_edition(published)
    if edition is None:
        return None
    try:
        manifest = edition.manifest()
        told, names = manifest["files"], _file_names(edition.folder)
        sizes = {name: (edition.folder / name).stat().st_size for name in names}
        if sizes != {name: entry["bytes"] for name, entry in told.items()}:
            return None
        # Months are many, and read again by whoever writes or asks for one.
        edition.verify(name for name in names if not name.startswith(HISTORY))
    except (EditionError, OSError):
        return None
    return Published(edition, manifest, is_new=False)


def _file_names(folder: Path) -> list[str]:
    """The edition's files, but for its manifest, by path within it."""
    return [
        path.relative_to(folder).as_posix()
        for path in sorted((*folder.iterdir(), *(folder / HISTORY).iterdir()))
        if path.is_file() and path.name != MANIFEST
    ]


def _files(folder: Path, before: Published | None) -> dict[str, Any]:
    """What the manifest says of each file; of one that is a link it says what it said before."""
    told = {} if before is None else before.manifest["files"]
    return {
        name: told[name]
        if before is not None and _is_link(before.edition.folder / name, folder / name)
        else file_entry(folder / name)
        for name in _file_names(folder)
    }


def _is_link(path: Path, other: Path) -> bool:
    return path.exists() and path.samefile(other)


def _name(published: Path, now: datetime, digest: str) -> str:
    """By time first, so that editions sort as they were made."""
    name = f"{stamp(now)[:15]}Z-{digest[:8]}"
    while (published / name).exists():
        name += "x"
    return name


def _write_table(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> dict[str, Any]:
    return _write_frame(con.sql(query).pl(), path)


def _write_frame(frame: pl.DataFrame, path: Path) -> dict[str, Any]:
    write_parquet(path, frame)
    content = frame.drop(NOT_CONTENT, strict=False)
    return {"digest": frame_digest(content), "rows": frame.height}


def _switch(published: Path, name: str) -> None:
    """Point `current` at an edition in one step; raises EditionError where it is no link."""
    aside = published / f".{CURRENT}.{uuid.uuid4().hex}"
    aside.symlink_to(name)
    try:
        aside.replace(published / CURRENT)
    except IsADirectoryError:
        aside.unlink()
        raise EditionError(
            f"{published / CURRENT}: is a folder, not a link to an edition; remove it"
        ) from None
    sync_folder(published)
