"""What an edition rests on, as one hash: the sensor compares it with the present."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.code_version import code_version
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.origins import Serving, origin_at
from llmrec_pipeline.storage.pull_log import read_lines
from llmrec_pipeline.storage.states import read_state
from llmrec_pipeline.storage.usage_partitions import UsagePartitions
from llmrec_pipeline.storage.use_cases import use_cases_frame
from llmrec_pipeline.storage.written import Watermarks, exported_watermarks, in_inputs


def inputs_of(
    settings: Settings,
    sources: Mapping[str, tuple[str, str]],
    fixture_digest: str | None,
    written: Watermarks,
    usage_digest: str,
) -> dict[str, Any]:
    """The inputs of an edition from each source's (bronze digest, origin), up to where what people
    wrote is read, and from `usage_digest`, that of the partitions of our own calls. The fixture
    always counts: its names stand in the identity map whether its facts serve or not."""
    return {
        "sources": {
            name: {"bronze": bronze, "origin": origin}
            for name, (bronze, origin) in sorted(sources.items())
        },
        "fixture": fixture_digest,
        "written": in_inputs(written),
        "telemetry": usage_digest,
        "config": settings.content_hash,
        "use_cases": _digest_of_use_cases(settings),
        "code": code_version(),
    }


def _digest_of_use_cases(settings: Settings) -> str:
    return _digest("\t".join(row) for row in use_cases_frame(settings).iter_rows())


def hash_inputs(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of the inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def loaded_bronze(con: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, str]:
    """By source, the digest of the bronze files that the warehouse has loaded."""
    names: dict[str, list[str]] = {source: [] for source in settings.sources}
    for source, name in con.sql(
        "SELECT source, bronze FROM pull_records WHERE bronze IS NOT NULL"
    ).fetchall():
        names.setdefault(source, []).append(name)
    return {source: _digest(found) for source, found in names.items()}


def recorded_bronze(lake: Lake, source: str) -> str:
    """The digest of the source's bronze files that the pull log records: it moves when content
    lands, by whatever route, and not when an unchanged pull does. A file whose record has not
    been written is no content yet."""
    names: set[str] = set()
    for path in lake.logs(source):
        now = path.stat()
        names.update(_recorded_in(path, now.st_size, now.st_mtime_ns))
    return _digest(names)


@lru_cache(maxsize=10_000)
def _recorded_in(path: Path, _size: int, _modified_ns: int) -> tuple[str, ...]:
    """The bronze files that a log names. Logs only grow, and all but the newest are done: whoever
    asks every half minute need not read years."""
    return tuple(line["bronze"] for line, _ in read_lines(path, 0) if line.get("bronze"))


def recorded_usage(settings: Settings) -> str:
    """The digest of our own calls: it moves when an import brings events, whichever log they are
    from, and not when it tells of known ones."""
    return UsagePartitions(settings.locations.usage_events).digest()


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(set(names))).encode()).hexdigest()


def served_inputs(
    settings: Settings,
    serving: Sequence[Serving],
    bronze: Mapping[str, str],
    fixture_digest: str | None,
    usage_digest: str,
) -> dict[str, Any]:
    """The inputs of what the warehouse serves now; `bronze` is what `loaded_bronze` gives, and
    `usage_digest` what `recorded_usage` gave before anything was derived."""
    return inputs_of(
        settings,
        {entry.source: (bronze[entry.source], entry.origin) for entry in serving},
        fixture_digest,
        exported_watermarks(settings.locations.evidence),
        usage_digest,
    )


def present_inputs(
    settings: Settings,
    lake: Lake,
    now: datetime,
    manifest: Mapping[str, Any] | None,
    written: Watermarks | None = None,
) -> dict[str, Any]:
    """What a refresh at `now` would rest on, told from the lake, the states, the current edition's
    manifest and `written` (by default what was exported last), so that asking costs no
    warehouse."""
    fixture_path = settings.locations.fixture
    fixture_digest = (
        hashlib.sha256(fixture_path.read_bytes()).hexdigest() if fixture_path.is_file() else None
    )
    known = (manifest or {}).get("sources", {})
    sources = {}
    for name in settings.sources:
        digest = recorded_bronze(lake, name)
        sources[name] = (digest, _origin(settings, name, known.get(name), digest, now))
    if written is None:
        written = exported_watermarks(settings.locations.evidence)
    return inputs_of(settings, sources, fixture_digest, written, recorded_usage(settings))


def _origin(
    settings: Settings, source: str, known: Mapping[str, Any] | None, digest: str, now: datetime
) -> str:
    """The origin that a refresh would find, or `new` where only a refresh can tell."""
    config = settings.sources[source]
    if not config.enabled:
        return "none"
    if known is None or known["bronze"] != digest:
        return "new"
    state = read_state(settings.locations.states, source)
    seen = state.moment("last_verified_at")
    doubted_until = known.get("doubted_until")
    if doubted_until and seen and seen >= parse_iso(doubted_until):
        return "new"
    fallback = "fixture" if config.fixture and known["in_fixture"] else "none"
    if known["accepted_at"] is None:
        return fallback
    verified = parse_iso(known["accepted_at"])
    if state.content_hash == known["accepted_content"] and seen:
        verified = max(verified, seen)
    return origin_at(verified, now, settings) or fallback
