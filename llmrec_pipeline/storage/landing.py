"""One pull of one source, from the publisher to bronze, with the source's state kept in step.

A source that misbehaves ends in a state file and a reason, never in an exception for the others,
not even where it makes its own module fail. What our own machine refuses (a full disk) is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from llmrec_pipeline.domain.source_quota import over_quota
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.settings import Settings, SourceSettings
from llmrec_pipeline.sources import Publisher, publisher
from llmrec_pipeline.sources.http import PublisherClient, QuotaSeen
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, PullFailed, RawPage
from llmrec_pipeline.storage.lake import DamagedPull, Lake
from llmrec_pipeline.storage.pull_log import PullRecord
from llmrec_pipeline.storage.source_usage import SourceUsage
from llmrec_pipeline.storage.states import SourceState, read_state, write_state

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """What one attempt gave. `reason` is set where a wanted pull gave nothing; `size` is in bytes."""

    source: str
    status: Literal["pulled", "failed", "skipped"]
    reason: str | None = None
    observed_at: datetime | None = None
    pages: int = 0
    size: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class LandOutcome:
    """What became of one raw pull: `rows` of models and of `benchmarks`, `bad_values` by column and
    `skipped` by kind as its parser counted them, `bronze` the name of its models file, if any."""

    source: str
    observed_at: datetime
    status: Literal["new", "unchanged", "invalid"]
    reason: str | None = None
    rows: int = 0
    benchmarks: int = 0
    bad_values: dict[str, int] | None = None
    index_version: str | None = None
    bronze: str | None = None
    skipped: dict[str, int] | None = None


def pull_source(source: str, settings: Settings, lake: Lake, clock: Clock) -> PullOutcome:
    """Ask the publisher once and store its pages; never raises for what a publisher does."""
    config = settings.sources[source]
    observed_at = clock()
    if not config.enabled:
        return PullOutcome(source, "skipped")
    if reason := _why_not(source, settings, observed_at):
        with lake.lock(source):
            _note(
                settings,
                read_state(settings.locations.states, source).failed(
                    "skipped", reason, observed_at
                ),
            )
        return PullOutcome(source, "skipped", reason)
    module = publisher(source)
    usage = SourceUsage(settings.locations.data)
    with PublisherClient(
        source,
        config,
        settings.pipeline.http,
        settings.key_of(source),
        before_request=lambda url: usage.note(source, clock(), url),
        now=clock,
    ) as http:
        pages, reason = _pages(module, http, config)
        with lake.lock(source):
            state = read_state(settings.locations.states, source)
            state = _with_quota(state, http.quota, clock())
            if reason is not None:
                _note(settings, state.failed("failed", reason, observed_at))
                return PullOutcome(source, "failed", reason, requests=http.requests)
            observed_at = lake.land_raw(source, observed_at, pages)
            _note(settings, replace(state, last_attempt_at=iso(observed_at), last_status="pulled"))
    return PullOutcome(
        source,
        "pulled",
        None,
        observed_at,
        len(pages),
        sum(len(page.body) for page in pages),
        http.requests,
    )


def _pages(
    module: Publisher, http: PublisherClient, config: SourceSettings
) -> tuple[list[RawPage], str | None]:
    """The publisher's pages, or why there are none."""
    try:
        return module.fetch(http, config), None
    except PullFailed as failure:
        return [], failure.reason
    except (OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - one publisher's module must not stop the others
        # Its own words might hold what was sent, the key included.
        return [], f"reading the answer failed with {type(error).__name__}"


def _with_quota(state: SourceState, seen: QuotaSeen, now: datetime) -> SourceState:
    """The state with what the publisher said of its quota, if it said anything."""
    if seen.limit is None and seen.remaining is None:
        return state
    return replace(state, quota={**asdict(seen), "seen_at": iso(now)})


def _why_not(source: str, settings: Settings, now: datetime) -> str | None:
    """Why the publisher is not asked at all, None where it is."""
    config = settings.sources[source]
    if settings.locations.offline and not config.is_local:
        return "LLMREC_OFFLINE is set"
    if config.key_variables and settings.key_of(source) is None:
        return f"{config.key_variables[0]} is not set"
    if config.quota is None:
        return None
    window = timedelta(hours=config.quota.window_hours)
    attempts = SourceUsage(settings.locations.data).attempts(source, now, window)
    told = read_state(settings.locations.states, source).quota
    return over_quota(config.quota.requests, window, attempts, told, now)


def note_overdue(
    source: str, settings: Settings, lake: Lake, clock: Clock, seconds: float
) -> PullOutcome:
    """Record that a source had not answered when the ingest had to end."""
    reason = f"no answer within the {seconds:g} s of the whole ingest"
    with lake.lock(source):
        state = read_state(settings.locations.states, source)
        _note(settings, state.failed("failed", reason, clock()))
    return PullOutcome(source, "failed", reason)


def land_pending(source: str, settings: Settings, lake: Lake, clock: Clock) -> list[LandOutcome]:
    """Parse every raw pull that has no verdict yet, oldest first: the one just made, and what a
    killed process left behind."""
    parser_version = publisher(source).PARSER_VERSION
    with lake.lock(source):
        lake.sweep(source)
        _catch_up(source, settings, lake)
        return [
            _land(source, observed_at, settings, lake, clock)
            for observed_at in lake.pending(source, parser_version)
        ]


def _catch_up(source: str, settings: Settings, lake: Lake) -> None:
    """The state after a crash between the record and the state, or without its file, as the pull
    log tells it."""
    state = read_state(settings.locations.states, source)
    record = _unnoted(state, lake)
    if record is None:
        return
    attempt = state.moment("last_attempt_at")
    if attempt is not None and attempt > record.observed_at:
        # What was tried since is told by its own outcome.
        _note(settings, _seen(state, record))
        return
    status = "new" if record.bronze else "unchanged"
    _note(
        settings,
        _after(state, record.content_hash, record.observed_at, status, record.rows, None),
    )


def note_history(source: str, settings: Settings, lake: Lake) -> None:
    """The state after pulls that nobody asked the publisher for: when its content was last seen
    may have moved, what became of attempts has not."""
    state = read_state(settings.locations.states, source)
    if (record := _unnoted(state, lake)) is not None:
        _note(settings, _seen(state, record))


def _unnoted(state: SourceState, lake: Lake) -> PullRecord | None:
    """The newest record of the log where the state does not know of it."""
    record, known = lake.newest(state.source), state.moment("newest_observed_at")
    if record is None or (known is not None and known >= record.observed_at):
        return None
    return record


def _seen(state: SourceState, record: PullRecord) -> SourceState:
    """The state once this record is the newest."""
    return replace(
        state,
        last_verified_at=iso(record.observed_at),
        newest_observed_at=iso(record.observed_at),
        content_hash=record.content_hash,
        rows=record.rows,
        bad_values=None,
    )


def _land(
    source: str, observed_at: datetime, settings: Settings, lake: Lake, clock: Clock
) -> LandOutcome:
    module = publisher(source)
    state = read_state(settings.locations.states, source)
    try:
        parsed = parse_pages(module, lake.read_raw(source, observed_at), settings.sources[source])
        landing = lake.land_bronze(source, observed_at, clock(), parsed, module.PARSER_VERSION)
    except (InvalidStructure, DamagedPull) as error:
        reason = str(error)
        lake.refuse(source, observed_at, clock(), reason, module.PARSER_VERSION)
        newest = state.moment("newest_observed_at")
        # What is wrong with an old pull says nothing of how the source is now.
        if newest is None or newest < observed_at:
            _note(settings, state.failed("invalid", reason, observed_at))
        return LandOutcome(source, observed_at, "invalid", reason)
    status: Literal["new", "unchanged"] = "new" if landing.status == "new" else "unchanged"
    bad_values = dict(parsed.bad_values)
    _note(
        settings,
        _after(
            state,
            landing.record.content_hash,
            observed_at,
            status,
            len(parsed.models),
            bad_values,
        ),
    )
    return LandOutcome(
        source,
        observed_at,
        status,
        None,
        len(parsed.models),
        len(parsed.benchmarks),
        bad_values,
        parsed.index_version,
        landing.record.bronze,
        dict(parsed.skipped),
    )


def parse_pages(module: Publisher, pages: Sequence[RawPage], config: SourceSettings) -> ParsedPull:
    """The pull's rows; raises InvalidStructure, also where the parser fails: then it has met a
    structure that it does not know."""
    try:
        return module.parse(pages, config)
    except (InvalidStructure, OSError, MemoryError):
        raise
    except Exception as error:
        raise InvalidStructure(f"the parser failed with {type(error).__name__}: {error}") from error


def _after(
    state: SourceState,
    content_hash: str,
    observed_at: datetime,
    status: str,
    rows: int,
    bad_values: dict[str, int] | None,
) -> SourceState:
    """The state after a valid pull; an older pull that lands late changes nothing but history."""
    newest = state.moment("newest_observed_at")
    if newest is not None and newest > observed_at:
        return state
    return replace(
        state,
        last_attempt_at=iso(observed_at),
        last_status=status,
        last_error=None,
        failures=0,
        last_verified_at=iso(observed_at),
        newest_observed_at=iso(observed_at),
        content_hash=content_hash,
        rows=rows,
        bad_values=bad_values,
    )


def _note(settings: Settings, state: SourceState) -> None:
    write_state(settings.locations.states, state)
