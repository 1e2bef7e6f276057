"""Making an edition: tables written aside, hashed, and switched in by one rename.

The content digest is over sorted rows with floats rounded to 12 significant digits, so that it is
the same for the same content whatever the order, the thread count or the file format's footers.
Only one process publishes at a time: the one that holds the warehouse.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import polars.selectors as cs

from llmrec_pipeline.domain.identity_config import ids_by_alias
from llmrec_pipeline.domain.records import CAPABILITIES, MODELS_HISTORY, PULLS
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.domain.timestamps import iso, stamp
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.sources.pull import NOT_CONTENT
from llmrec_pipeline.storage.code_version import code_version
from llmrec_pipeline.storage.editions import (
    CURRENT,
    MANIFEST,
    RANKING,
    Edition,
    EditionError,
    current_edition,
    file_entry,
    sealed,
)
from llmrec_pipeline.storage.files import sync_folder, write_aside, write_bytes, write_json
from llmrec_pipeline.storage.inputs import hash_inputs
from llmrec_pipeline.storage.judging import doubts
from llmrec_pipeline.storage.key_record import note_published, redirects_frame
from llmrec_pipeline.storage.origins import Serving, read_serving
from llmrec_pipeline.storage.usage import quota_in_words
from llmrec_pipeline.storage.use_cases import use_cases_frame
from llmrec_pipeline.storage.warehouse import get_meta, set_meta, sql_text, transaction
from llmrec_pipeline.storage.weighing import carried_evidence
from llmrec_pipeline.storage.written import (
    RECORD_TABLES,
    WRITTEN_TABLES,
    read_records,
    read_written,
)

SIGNIFICANT_DIGITS = 12
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
HISTORY = "history"
_LAYOUT = "history_layout"


@dataclass(frozen=True, slots=True)
class Published:
    """The edition in force after publishing, and whether it is a new one."""

    edition: Edition
    manifest: Mapping[str, Any]
    is_new: bool


def frame_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's content, whatever the order of its rows and columns."""
    rounded = _rounded(frame).select(sorted(frame.columns))
    return _digest_of(rounded.sort(pl.all(), nulls_last=True))


def _rounded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(cs.float().round_sig_figs(SIGNIFICANT_DIGITS))


def _digest_of(ordered: pl.DataFrame) -> str:
    """SHA-256 over each column of ordered, rounded rows: its name, where it has values, and
    these."""
    digest = hashlib.sha256()
    for column in sorted(ordered.get_columns(), key=lambda column: column.name):
        digest.update(f"\n{column.name}\n{column.len()}\n".encode())
        digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        digest.update(_plain(column))
    return digest.hexdigest()


def _plain(column: pl.Series) -> bytes:
    """The values as bytes, the same on every machine; where there is none, a zero or nothing."""
    if column.dtype == pl.String:
        sizes = column.str.len_bytes().fill_null(0).to_numpy().astype("<i8").tobytes()
        return sizes + str(column.drop_nulls().str.join("").item()).encode()
    if column.dtype == pl.Boolean:
        return np.packbits(column.fill_null(False).to_numpy()).tobytes()
    values = column.to_physical().fill_null(0)
    if column.dtype.is_float():
        # 0.0 and -0.0 are one value.
        return (values.to_numpy() + 0.0).astype("<f8").tobytes()
    return values.to_numpy().astype("<i8").tobytes()


def ranking_payload(
    con: duckdb.DuckDBPyConnection, settings: Settings, serving: Sequence[Serving]
) -> dict[str, Any]:
    """What `domain.ranking` needs, as plain JSON: models with offerings and measures, their
    consensus, tasks, anchors, origins and names."""
    offerings: dict[str, list[dict[str, Any]]] = {}
    for offering in (
        con.sql("SELECT * FROM offerings_latest ORDER BY base_model, serving_host").pl().to_dicts()
    ):
        offerings.setdefault(offering["base_model"], []).append(offering)
    measures: dict[str, dict[str, dict[str, Any]]] = {}
    for row in con.sql(
        "SELECT canonical_model_key, measure_column, source, value, index_version "
        "FROM measures_latest ORDER BY ALL"
    ).fetchall():
        key, column, source, value, version = row
        measures.setdefault(key, {}).setdefault(column, {})[source] = {
            "value": value,
            "index_version": version,
        }
    models = []
    for model in (
        con.sql("SELECT * FROM models_latest ORDER BY canonical_model_key").pl().to_dicts()
    ):
        models.append(
            {
                "canonical_model_key": model["canonical_model_key"],
                "base_model": model["base_model"],
                "variant": model["variant"],
                "model_name": model["model_name"],
                "provider": model["provider"],
                "listed": model["listed"],
                "last_seen": iso(model["last_seen"]) if model["last_seen"] else None,
                "is_deprecated": model["is_deprecated"],
                "is_open_weights": model["is_open_weights"],
                "offerings": [
                    _offering(offering, model)
                    for offering in offerings.get(model["base_model"], ())
                ],
                "measures": measures.get(model["canonical_model_key"], {}),
            }
        )
    return {
        "schema_version": 1,
        "snapshot_ts": snapshot_ts(serving),
        "origins": origins_of(serving, settings),
        "publisher_order": list(settings.publisher_order),
        "tasks": settings.tasks,
        "anchors": settings.anchors,
        **carried_evidence(con),
        "provider_aliases": ids_by_alias(settings.identity.creators),
        "host_aliases": ids_by_alias(settings.identity.hosts),
        "schedule": {
            "live_hours": settings.pipeline.schedule.live_hours,
            "wait_s": settings.pipeline.refresh.wait_s,
            "backoff_minutes": settings.pipeline.refresh.backoff_minutes,
        },
        "report": settings.report_rules,
        "models": models,
    }


def _offering(offering: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    own = offering["is_creator_host"]
    return {
        "offering_key": offering["offering_key"],
        "host": offering["serving_host"],
        "is_creator_host": own,
        "price_input_per_1m": offering["price_input_per_1m"],
        "price_output_per_1m": offering["price_output_per_1m"],
        "price_cached_input_per_1m": offering["price_cached_input_per_1m"],
        "is_free": offering["is_free"],
        "context_window": offering["context_window"],
        "max_output_tokens": offering["max_output_tokens"],
        "capabilities": _capabilities(offering),
        "is_deprecated": offering["is_deprecated"],
        "output_tokens_per_s": model["output_tokens_per_s"] if own else None,
        "ttft_s": model["ttft_s"] if own else None,
        "source": offering["price_source"],
        "context_window_source": offering["context_window_source"],
        "output_tokens_per_s_source": model["output_tokens_per_s_source"] if own else None,
        "ttft_s_source": model["ttft_s_source"] if own else None,
    }


def _capabilities(offering: Mapping[str, Any]) -> dict[str, bool]:
    """What is known of the offering's capabilities, by name; what is not known is left out."""
    return {
        capability: offering[column]
        for capability, column in CAPABILITIES.items()
        if offering[column] is not None
    }


def snapshot_ts(serving: Sequence[Serving]) -> str | None:
    """The newest observation that anything rests on."""
    moments = [entry.snapshot_ts for entry in serving if entry.snapshot_ts is not None]
    return iso(max(moments)) if moments else None


def origins_of(serving: Sequence[Serving], settings: Settings) -> dict[str, dict[str, Any]]:
    """By source, what stands for it and whose data that is."""
    return {entry.source: _origin(entry, settings) for entry in serving}


def _origin(entry: Serving, settings: Settings) -> dict[str, Any]:
    source = settings.sources[entry.source]
    return {
        "origin": entry.origin,
        "observed_at": iso(entry.snapshot_ts) if entry.snapshot_ts else None,
        "verified_at": iso(entry.verified_at) if entry.verified_at else None,
        "index_version": entry.index_version,
        "rows": entry.rows,
        "title": source.title,
        "licence": source.licence,
        "attribution": source.attribution,
        "enabled": source.enabled,
    }


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    now: datetime,
    inputs: Mapping[str, Any],
) -> Published:
    """Write an edition of what the warehouse holds and make it the current one. Equal inputs and
    equal content leave the current edition in force, unless it is damaged."""
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
        months, damaged = _write_history(con, folder, before)
        payload = ranking_payload(con, settings, serving)
        payload["key_redirects"] = _redirected(redirects)
        tables["ranking"] = {"digest": _json_digest(payload), "rows": len(payload["models"])}
        digest = _content_digest(tables, months)
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
        ranking = json.dumps(
            {"edition": name, **payload}, ensure_ascii=False, separators=(",", ":")
        ).encode()
        write_bytes(folder / RANKING, ranking)
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
                    **_origin(entry, settings),
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
    _write(path, frame)
    content = frame.drop(NOT_CONTENT, strict=False)
    return {"digest": frame_digest(content), "rows": frame.height}


def _write(path: Path, frame: pl.DataFrame) -> None:
    write_aside(path, lambda aside: frame.write_parquet(aside, compression="zstd"))


def _write_history(
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
    parts = _digest_of(_rounded(history)), _digest_of(pulls.drop("landed_at"))
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
            _write(folder / HISTORY / name, frame)
    return entry


def _ordered(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Sorted by the table's key, and by everything where that is no key after all."""
    if frame.height == frame.n_unique(table.key):
        return frame.sort(table.key)
    return frame.sort(pl.all(), nulls_last=True)


def _json_digest(payload: Mapping[str, Any]) -> str:
    """When something was last seen again is no content: an unchanged pull moves nothing."""
    origins = {
        source: {name: value for name, value in origin.items() if name != "verified_at"}
        for source, origin in payload["origins"].items()
    }
    payload = {**payload, "origins": origins}
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _content_digest(tables: Mapping[str, Any], months: Mapping[str, Any]) -> str:
    lines = [f"{name} {entry['digest']}" for name, entry in sorted(tables.items())]
    lines += [f"{month} {entry['digest']}" for month, entry in sorted(months.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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
