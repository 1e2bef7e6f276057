"""Which alerts were told, where, and which are still to be told.

An alert is told once on each channel while it stands. Once it is over it is remembered for the
cooldown, counted from then: what comes back within it is the same alert, however often, and what
was not delivered by then is given up. Pure: alerts, clock and channels come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from llmrec_pipeline.domain.alerts import Alert
from llmrec_pipeline.domain.timestamps import iso, parse_iso


class Entry(NamedTuple):
    """One alert: since when, when it was over, where it is, and where it was told."""

    alert: Alert
    raised_at: datetime
    ended_at: datetime | None = None
    told: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it is not over."""
        return self.ended_at is None

    def is_remembered(self, now: datetime, cooldown: timedelta) -> bool:
        """It stands, or was over less than the cooldown ago."""
        return self.ended_at is None or now - self.ended_at < cooldown

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            **self.alert._asdict(),
            "raised_at": iso(self.raised_at),
            "stands": self.stands,
            "ended_at": None if self.ended_at is None else iso(self.ended_at),
            "told": list(self.told),
        }

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Self:
        """What `to_mapping` gave; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            Alert(*(str(content[name]) for name in Alert._fields)),
            parse_iso(content["raised_at"]),
            None if content["ended_at"] is None else parse_iso(content["ended_at"]),
            tuple(map(str, content["told"])),
        )


class Update(NamedTuple):
    """The ledger after a look at the facts, and what fell out of it without having been told on
    some channel."""

    entries: list[Entry]
    given_up: list[Entry]


def update(
    past: Sequence[Entry],
    found: Iterable[Alert],
    channels: Iterable[str],
    now: datetime,
    cooldown: timedelta,
) -> Update:
    """Note what stands now, as first told, and forget what has been over for long enough."""
    known = {entry.alert.key: entry for entry in past}
    entries: dict[tuple[str, str, str], Entry] = {}
    for alert in found:
        entry = known.pop(alert.key, None)
        if entry is None or not entry.is_remembered(now, cooldown):
            entry = Entry(alert, now)
        entries[alert.key] = entry._replace(ended_at=None)
    over = [entry._replace(ended_at=entry.ended_at or now) for entry in known.values()]
    remembered = [entry for entry in over if entry.is_remembered(now, cooldown)]
    forgotten = [entry for entry in over if not entry.is_remembered(now, cooldown)]
    wanted = set(channels)
    return Update(
        [*entries.values(), *remembered],
        [entry for entry in forgotten if wanted - set(entry.told)],
    )


def pending(entries: Iterable[Entry], channel: str) -> list[Alert]:
    """What is still to be told there."""
    return [entry.alert for entry in entries if channel not in entry.told]


def told(entries: Iterable[Entry], channel: str) -> list[Entry]:
    """The ledger once everything was told there."""
    return [
        entry if channel in entry.told else entry._replace(told=(*entry.told, channel))
        for entry in entries
    ]
