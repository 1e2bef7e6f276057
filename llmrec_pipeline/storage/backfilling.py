"""Captures of earlier days into the lake, by the way of a live pull: raw, parsed, bronze, recorded.

A capture is history: it moves nothing of what the source's state says of attempts. Nothing that is
recorded is replaced, and what cannot be read leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.pull import InvalidStructure, RawPage
from llmrec_pipeline.storage.captures import BadCapture, Capture, read_pages
from llmrec_pipeline.storage.lake import DamagedPull, Lake
from llmrec_pipeline.storage.landing import Clock, land_pending, note_history, parse_pages
from llmrec_pipeline.storage.pull_log import Timeline

# So long does a pull of the same source wait at most: some seconds.
_CAPTURES_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What became of a capture: `new` and `unchanged` as of a live pull; `known` where it is there
    already; `invalid` where its publisher's pages look otherwise; `refused` where it is no capture
    or contradicts what is there. `reason` is one line, `rows` counts models."""

    path: str
    observed_at: datetime | None
    status: Literal["new", "unchanged", "known", "invalid", "refused"]
    reason: str | None = None
    rows: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether the lake has what the capture says."""
        return self.status in ("new", "unchanged", "known")


def backfill(
    source: str, captures: Sequence[Capture], settings: Settings, lake: Lake, clock: Clock
) -> list[Backfilled]:
    """Land every capture that can be; the outcomes are in their order. Raises OSError for what our
    own machine refuses."""
    # A pull that a killed process left would stand in the way of its own moment.
    land_pending(source, settings, lake, clock)
    outcomes: list[Backfilled] = []
    for start in range(0, len(captures), _CAPTURES_AT_ONCE):
        with lake.lock(source):
            part = captures[start : start + _CAPTURES_AT_ONCE]
            outcomes += _land(source, part, settings, lake, clock)
            note_history(source, settings, lake)
    return outcomes


def _land(
    source: str, captures: Sequence[Capture], settings: Settings, lake: Lake, clock: Clock
) -> Iterator[Backfilled]:
    timeline = Timeline(lake.records(source))
    for capture in captures:
        path, observed_at = str(capture.path), capture.observed_at
        try:
            yield _land_one(source, capture, settings, lake, clock(), timeline)
        except BadCapture as error:
            yield Backfilled(path, observed_at, "refused", str(error))
        except InvalidStructure as error:
            yield Backfilled(path, observed_at, "invalid", str(error))


def _land_one(
    source: str,
    capture: Capture,
    settings: Settings,
    lake: Lake,
    now: datetime,
    timeline: Timeline,
) -> Backfilled:
    """Raises BadCapture and InvalidStructure; then nothing has landed."""
    path, observed_at = str(capture.path), capture.observed_at
    if capture.problem or observed_at is None:
        raise BadCapture(capture.problem or "it has no moment")
    if observed_at > now:
        raise BadCapture(f"{iso(observed_at)} has not come yet; mend its name or --at")
    pages = read_pages(capture, observed_at, settings.pipeline.http.max_body_bytes)
    known = timeline.at(observed_at)
    if known is not None and _is_raw(lake, source, observed_at, pages):
        return Backfilled(path, observed_at, "known", rows=known.rows)
    module = publisher(source)
    parsed = parse_pages(module, pages, settings.sources[source])
    if known is not None:
        if parsed.content_hash() == known.content_hash:
            return Backfilled(path, observed_at, "known", rows=known.rows)
        raise BadCapture(
            f"the pull of {iso(observed_at)} is there with another content, which stands; "
            "give --at if the capture is of another moment"
        )
    if lake.has_raw(source, observed_at):
        raise BadCapture(
            f"a pull of {iso(observed_at)} that could not be read is in the lake; "
            "give --at with another moment"
        )
    # What fits no schema is found before anything is written.
    bronze = lake.bronze_of(source, observed_at, parsed, module.PARSER_VERSION)
    lake.land_raw(source, observed_at, pages)
    landing = lake.land_rows(source, observed_at, now, bronze, timeline)
    return Backfilled(path, observed_at, landing.status, rows=landing.record.rows)


def _is_raw(lake: Lake, source: str, observed_at: datetime, pages: Sequence[RawPage]) -> bool:
    """Whether the pull of that moment has these very pages."""
    try:
        there = lake.read_raw(source, observed_at)
    except DamagedPull:
        return False
    return [page.body for page in there] == [page.body for page in pages]
