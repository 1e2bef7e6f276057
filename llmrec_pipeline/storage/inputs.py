"""What an edition rests on, as one hash: the sensor compares it with the present."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline import __version__
from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.origins import Serving, origin_at
from llmrec_pipeline.storage.states import read_state

_DERIVING = ("domain", "sources", "storage")


@functools.cache
def code_version() -> str:
    """Release and hash of the code that decides an edition's content."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for part in _DERIVING:
        for path in sorted((root / part).rglob("*")):
            if path.suffix in (".py", ".sql"):
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def inputs_of(
    settings: Settings, sources: Mapping[str, tuple[str, str]], fixture_digest: str | None
) -> dict[str, Any]:
    """The inputs of an edition from each source's (bronze digest, origin)."""
    uses_fixture = any(origin == "fixture" for _, origin in sources.values())
    return {
        "sources": {
            name: {"bronze": bronze, "origin": origin}
            for name, (bronze, origin) in sorted(sources.items())
        },
        "fixture": fixture_digest if uses_fixture else None,
        "config": settings.content_hash,
        "code": code_version(),
    }


def hash_inputs(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of the inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def served_inputs(
    settings: Settings,
    serving: Sequence[Serving],
    bronze: Mapping[str, str],
    fixture_digest: str | None,
) -> dict[str, Any]:
    """The inputs of what the warehouse serves now; `bronze` holds the digests at load time."""
    empty = hashlib.sha256(b"").hexdigest()
    return inputs_of(
        settings,
        {entry.source: (bronze.get(entry.source, empty), entry.origin) for entry in serving},
        fixture_digest,
    )


def present_inputs(
    settings: Settings, lake: Lake, now: datetime, manifest: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a refresh at `now` would rest on, told from the lake, the states and the current
    edition's manifest alone, so that asking costs no warehouse."""
    fixture_path = settings.locations.fixture
    fixture_digest = (
        hashlib.sha256(fixture_path.read_bytes()).hexdigest() if fixture_path.is_file() else None
    )
    known = (manifest or {}).get("sources", {})
    sources = {}
    for name in settings.sources:
        digest = lake.bronze_digest(name)
        sources[name] = (digest, _origin(settings, name, known.get(name), digest, now))
    return inputs_of(settings, sources, fixture_digest)


def _origin(
    settings: Settings, source: str, known: Mapping[str, Any] | None, digest: str, now: datetime
) -> str:
    config = settings.sources[source]
    if not config.enabled:
        return "none"
    if known is None or known["bronze"] != digest:
        return "new"
    fallback = "fixture" if config.fixture and known["in_fixture"] else "none"
    if known["accepted_at"] is None:
        return fallback
    verified = parse_iso(known["accepted_at"])
    state = read_state(settings.locations.states, source)
    if state.content_hash == known["accepted_content"] and state.last_verified_at:
        verified = max(verified, parse_iso(state.last_verified_at))
    return origin_at(verified, now, settings) or fallback
