"""Making an edition: tables written aside, hashed, and switched in by one rename.

The content digest is over sorted rows with floats rounded to 12 significant digits, so that it is
the same for the same content whatever the order, the thread count or the file format's footers.
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
import polars as pl
import polars.selectors as cs

from llmrec_pipeline.domain.identity_config import Creator, Host
from llmrec_pipeline.domain.timestamps import iso, stamp
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import (
    CURRENT,
    MANIFEST,
    RANKING,
    Edition,
    EditionError,
    current_edition,
)
from llmrec_pipeline.storage.files import sync_folder, write_json
from llmrec_pipeline.storage.inputs import code_version, hash_inputs
from llmrec_pipeline.storage.origins import Serving, read_serving
from llmrec_pipeline.storage.warehouse import sql_text

SIGNIFICANT_DIGITS = 12
PUBLISHED_TABLES = (
    "models_latest",
    "model_offerings",
    "measures_latest",
    "silver_models",
    "task_rankings",
    "model_identity_map",
    "model_identity_review",
)
HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Published:
    """The edition in force after publishing, and whether it is a new one."""

    edition: Edition
    manifest: Mapping[str, Any]
    is_new: bool


def frame_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's content, whatever the order of its rows."""
    rounded = frame.with_columns(cs.float().round_sig_figs(SIGNIFICANT_DIGITS))
    ordered = rounded.select(sorted(rounded.columns)).sort(pl.all(), nulls_last=True)
    return hashlib.sha256(ordered.write_csv().encode()).hexdigest()


def ranking_payload(
    con: duckdb.DuckDBPyConnection, settings: Settings, serving: Sequence[Serving]
) -> dict[str, Any]:
    """What `domain.ranking` needs, as plain JSON: models with offerings and measures, tasks,
    origins and names."""
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
        "origins": {entry.source: _origin(entry, settings) for entry in serving},
        "publisher_order": list(settings.publisher_order),
        "tasks": settings.tasks,
        "provider_aliases": _aliases(settings.identity.creators),
        "host_aliases": _aliases(settings.identity.hosts),
        "schedule": {
            "live_hours": settings.pipeline.schedule.live_hours,
            "wait_s": settings.pipeline.refresh.wait_s,
            "backoff_minutes": settings.pipeline.refresh.backoff_minutes,
        },
        "models": models,
    }


def _aliases(rows: Sequence[Creator] | Sequence[Host]) -> dict[str, str]:
    """Every name of a creator or host, folded, with its id."""
    return {name.casefold(): row.id for row in rows for name in (row.id, *row.aliases)}


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
        "is_deprecated": offering["is_deprecated"],
        "output_tokens_per_s": model["output_tokens_per_s"] if own else None,
        "ttft_s": model["ttft_s"] if own else None,
        "source": offering["price_source"],
        "context_window_source": offering["context_window_source"],
        "output_tokens_per_s_source": model["output_tokens_per_s_source"] if own else None,
        "ttft_s_source": model["ttft_s_source"] if own else None,
    }


def snapshot_ts(serving: Sequence[Serving]) -> str | None:
    """The newest observation that anything rests on."""
    moments = [entry.snapshot_ts for entry in serving if entry.snapshot_ts is not None]
    return iso(max(moments)) if moments else None


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
    equal content leave the current edition in force."""
    published = settings.locations.published
    published.mkdir(parents=True, exist_ok=True)
    before = current_edition(published)
    manifest_before = _manifest_or_none(before)
    serving = read_serving(con)
    folder = published / f".{uuid.uuid4().hex}"
    (folder / HISTORY).mkdir(parents=True)
    try:
        tables = {}
        for table in PUBLISHED_TABLES:
            tables[table] = _write_table(con, f"SELECT * FROM {table}", folder / f"{table}.parquet")
        tables["benchmark_results"] = _write_table(
            con, "SELECT * FROM serving_benchmarks", folder / "benchmark_results.parquet"
        )
        months = _write_history(con, folder, before, manifest_before)
        payload = ranking_payload(con, settings, serving)
        tables["ranking"] = {"digest": _json_digest(payload), "rows": len(payload["models"])}
        digest = _content_digest(tables, months)
        inputs_hash = hash_inputs(inputs)
        if (
            before is not None
            and manifest_before is not None
            and manifest_before["inputs_hash"] == inputs_hash
            and manifest_before["content_digest"] == digest
        ):
            return Published(before, manifest_before, is_new=False)
        name = f"{stamp(now)[:15]}Z-{digest[:8]}"
        while (published / name).exists():
            name += "x"
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
                }
                for entry in serving
            },
            "tables": tables,
            "months": months,
        }
        ranking = json.dumps(
            {"edition": name, **payload}, ensure_ascii=False, separators=(",", ":")
        ).encode()
        (folder / RANKING).write_bytes(ranking)
        manifest["ranking_sha256"] = hashlib.sha256(ranking).hexdigest()
        write_json(folder / MANIFEST, manifest)
        sync_folder(folder / HISTORY)
        sync_folder(folder)
        folder.rename(published / name)
        _switch(published, name)
        return Published(Edition(name, published / name), manifest, is_new=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _manifest_or_none(edition: Edition | None) -> dict[str, Any] | None:
    """A damaged edition is no ground to build on, and no reason to stop."""
    try:
        return edition.manifest() if edition else None
    except EditionError:
        return None


def _write_table(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> dict[str, Any]:
    frame = con.sql(query).pl()
    frame.write_parquet(path, compression="zstd")
    return {"digest": frame_digest(frame), "rows": frame.height}


def _write_history(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    before: Edition | None,
    manifest_before: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Monthly files of history and pulls; a month that has not changed is a hard link."""
    known = (manifest_before or {}).get("months", {})
    months: dict[str, Any] = {}
    for month, generation in con.sql("SELECT * FROM history_months ORDER BY month").fetchall():
        names = (f"models_history_{month}.parquet", f"pulls_{month}.parquet")
        old = known.get(month)
        if before is not None and old is not None and old["generation"] == generation:
            try:
                for name in names:
                    os.link(before.folder / HISTORY / name, folder / HISTORY / name)
                months[month] = old
                continue
            except OSError:
                for name in names:
                    (folder / HISTORY / name).unlink(missing_ok=True)
        months[month] = {"generation": generation, **_write_month(con, folder, month, names)}
    return months


def _write_month(
    con: duckdb.DuckDBPyConnection, folder: Path, month: str, names: tuple[str, str]
) -> dict[str, Any]:
    first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    bounds = {"first": first, "following": following}
    history = con.sql(sql_text("history_of_month"), params=bounds).pl()
    pulls = con.sql(sql_text("pulls_of_month"), params=bounds).pl()
    history.write_parquet(folder / HISTORY / names[0], compression="zstd")
    pulls.write_parquet(folder / HISTORY / names[1], compression="zstd")
    return {
        "digest": hashlib.sha256(
            (frame_digest(history) + frame_digest(pulls.drop("landed_at"))).encode()
        ).hexdigest(),
        "rows": history.height,
        "pulls": pulls.height,
    }


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
    """Point `current` at an edition in one step."""
    aside = published / f".{CURRENT}.{uuid.uuid4().hex}"
    aside.symlink_to(name)
    aside.replace(published / CURRENT)
    sync_folder(published)
