"""What a command that ranks rests on: the current edition, a named one, or a moment of the past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.domain.timestamps import Moment, parse_moment
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.storage.editions import find_edition

if TYPE_CHECKING:
    import duckdb

    from llmrec_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """`--edition`, `--as-of`, `--known-at`, as written."""

    edition: str | None = None
    as_of: str | None = None
    known_at: str | None = None

    @property
    def is_past(self) -> bool:
        """Whether the answer is to come from another moment's pulls."""
        return self.as_of is not None or self.known_at is not None

    @property
    def is_current(self) -> bool:
        """Whether nothing but the edition in force was asked for."""
        return self.edition is None and not self.is_past


def payload_of(asked: Asked) -> dict[str, Any]:
    """The ranking payload that was asked for; raises RequestError as `moment_of` does, and
    EditionError, or what opening the warehouse raises."""
    moment = moment_of(asked, datetime.now(UTC))
    if moment is None:
        return find_edition(read_locations().published, asked.edition).ranking()
    # A past moment is derived from the lake, which no answer from an edition needs.
    from llmrec_pipeline.settings import load_settings
    from llmrec_pipeline.storage.time_travel import payload_of_past

    settings = load_settings()
    with past_warehouse(settings, moment) as past:
        return payload_of_past(past, settings, moment)


@contextmanager
def past_warehouse(settings: Settings, moment: Moment) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of a moment, from this machine's lake and the bundled facts; raises
    WarehouseError and FixtureError."""
    from llmrec_pipeline.storage.fixture import Fixture
    from llmrec_pipeline.storage.lake import Lake
    from llmrec_pipeline.storage.time_travel import opened_at

    fixture = Fixture(settings.locations.fixture, settings)
    with opened_at(settings, Lake(settings.locations.data), fixture, moment) as past:
        yield past


def moment_of(asked: Asked, now: datetime) -> Moment | None:
    """The moment that was asked for, None for an edition; raises RequestError for a time that is
    none, lies ahead, or stands beside an edition."""
    if not asked.is_past:
        return None
    if asked.edition is not None:
        raise RequestError("--edition replays what was published; leave out --as-of and --known-at")
    known_at = _moment("--known-at", asked.known_at, now)
    as_of = _moment("--as-of", asked.as_of, now) or known_at or now
    return Moment(as_of, known_at)


def _moment(flag: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_moment(text)
    except ValueError:
        raise RequestError(
            f"{flag} {text!r} is no time; allowed: 2026-05-01 or 2026-05-01T06:00:00Z"
        ) from None
    # The end of today is as far as today goes.
    if moment > now and moment.date() > now.date():
        raise RequestError(f"{flag} {text} lies ahead; it is {now:%Y-%m-%dT%H:%M:%SZ}")
    return min(moment, now)
