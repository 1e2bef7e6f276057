"""An import: a log read in chunks, checked, staged, and merged into the partitions a day at a time.

Memory is that of one chunk and of DuckDB's limit, whatever the size of the log. What is interrupted
goes on where it was committed; what is repeated changes nothing (`usage_partitions`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from filelock import FileLock

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.domain.usage_events import Problem, RecordReader
from llmrec_pipeline.domain.usage_mapping import UsageMapping
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.usage_partitions import UsagePartitions, event_engine
from llmrec_pipeline.storage.usage_staging import Staging
from llmrec_pipeline.storage.user_salt import user_hasher
from llmrec_pipeline.telemetry.log import Log, Place, UsageLogError

# Some 40 MB of events. A chunk is what a killed import loses.
_CHUNK_EVENTS = 20_000
# A log of nothing but mistakes is committed too.
_CHUNK_REJECTS = 20_000

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """How a log is to be read. `timezone`: of moments that name none, instead of the mapping's."""

    mapping: UsageMapping
    timezone: str | None = None
    keep_user_ids: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to. `read` counts records, of which `not_calls` were no calls of a model
    and `refused` no events; the other counts are of events, as `Merged` has them. `noted` counts what
    was left out of events that were kept. Reasons are `field: reason`. `days` have changed."""

    log: str
    source: str
    at: str
    read: int
    not_calls: int
    new: int
    updated: int
    duplicate: int
    differing: int
    refused: dict[str, int]
    noted: dict[str, int]
    days: tuple[str, ...]
    rejects: str | None
    resumed: bool


def import_lock(locations: Locations) -> FileLock:
    """One import at a time, across processes; not yet acquired."""
    locations.locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locations.locks / "telemetry.lock")


def import_log(
    log: Log, asked: Asked, settings: Settings, now: datetime, on_progress: OnProgress
) -> Imported:
    """Bring a log's events into the partitions; only under the lock. Raises UsageLogError where the
    log cannot be read to its end; then nothing of it has landed."""
    places = settings.locations
    staging = Staging(places.usage_imports, places.usage_rejects, _name(log, asked), log.name)
    if log.fingerprint is None:
        staging.discard()
    resumed = staging.is_resumed
    hashed = user_hasher(places.states)
    reader = RecordReader(
        asked.mapping,
        timezone=asked.timezone,
        user_id=str if asked.keep_user_ids else hashed,
        task_types=settings.tasks["task_types"],
        now=now,
    )
    if not staging.progress.is_read:
        try:
            _stage(log, reader, staging, on_progress)
        except UsageLogError:
            # What mends the log makes another one of it.
            staging.discard()
            raise
    _merge(staging, settings)
    imported = _outcome(staging, log, asked, now, resumed)
    staging.finish(asdict(imported))
    return imported


def _name(log: Log, asked: Asked) -> str:
    """The same for the same content, read in the same way."""
    told = (
        log.fingerprint or log.name,
        asked.mapping.model_dump_json(),
        asked.timezone or "",
        str(asked.keep_user_ids),
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _stage(log: Log, reader: RecordReader, staging: Staging, on_progress: OnProgress) -> None:
    """Read the log to its end, committing as it goes."""
    counts = staging.progress.counts
    place = Place(staging.progress.entry, staging.progress.offset)
    events: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for entry in log.read(place):
        place = entry.place
        if entry.problem:
            counts.read += 1
            _reject(rejects, counts.refused, place, 0, Problem("", entry.problem))
        for number, record in enumerate(entry.records, start=1):
            counts.read += 1
            reading = reader.read(record)
            counts.not_calls += not reading.is_call
            for problem in reading.problems:
                tally = counts.noted if problem.is_kept else counts.refused
                _reject(rejects, tally, place, number, problem)
            if reading.event is not None:
                events.append(reading.event)
        if len(events) >= _CHUNK_EVENTS or len(rejects) >= _CHUNK_REJECTS:
            staging.commit(events, rejects, entry=place.entry, offset=place.offset)
            events, rejects = [], []
            on_progress(entry.done, log.size)
    staging.commit(events, rejects, entry=place.entry, offset=place.offset, is_read=True)
    if log.size is not None:
        on_progress(log.size, log.size)


def _reject(
    rejects: list[dict[str, Any]],
    tally: dict[str, int],
    place: Place,
    record: int,
    problem: Problem,
) -> None:
    """Count a problem, and note where it is: the line, row or document, and the record in it."""
    told = f"{problem.field}: {problem.reason}" if problem.field else problem.reason
    tally[told] = tally.get(told, 0) + 1
    rejects.append(
        {
            "entry": place.entry,
            "record": record,
            "field": problem.field or None,
            "reason": problem.reason,
            "kept": problem.is_kept,
        }
    )


def _merge(staging: Staging, settings: Settings) -> None:
    partitions = UsagePartitions(settings.locations.usage_events)
    with event_engine(settings.pipeline.warehouse, staging.folder / "scratch") as con:
        for day in staging.days():
            partitions.merge(con, day, staging.chunks(day), staging.note_merge)


def _outcome(staging: Staging, log: Log, asked: Asked, now: datetime, resumed: bool) -> Imported:
    progress = staging.progress
    merged = progress.merged
    counts = progress.counts
    return Imported(
        log=log.name,
        source=asked.mapping.source,
        at=iso(now),
        read=counts.read,
        not_calls=counts.not_calls,
        **{
            name: sum(day[name] for day in merged.values())
            for name in ("new", "updated", "duplicate", "differing")
        },
        refused=_most_first(counts.refused),
        noted=_most_first(counts.noted),
        days=tuple(day for day, done in sorted(merged.items()) if done["new"] or done["updated"]),
        rejects=str(staging.rejects) if progress.rejects_bytes else None,
        resumed=resumed,
    )


def _most_first(tally: dict[str, int]) -> dict[str, int]:
    return dict(sorted(tally.items(), key=lambda told: (-told[1], told[0])))
