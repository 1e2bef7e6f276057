"""Which alerts were told, where, and which are still to be told.

An alert is told once on each channel while it stands. Once it is over it is remembered for the
cooldown: what comes back within it is the same alert, and what was not delivered by then is given
up. Pure: alerts, clock and channels come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from llmrec_pipeline.domain.alerts import Alert
from llmrec_pipeline.domain.timestamps import iso, parse_iso


class Entry(NamedTuple):
    """One alert: since when, whether it still stands, and where it was told."""

    alert: Alert
    raised_at: datetime
    stands: bool
    told: tuple[str, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            **self.alert._asdict(),
            "raised_at": iso(self.raised_at),
            "stands": self.stands,
            "told": list(self.told),
        }

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Self:
        """What `to_mapping` gave; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            Alert(*(str(content[name]) for name in Alert._fields)),
            parse_iso(content["raised_at"]),
            bool(content["stands"]),
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
        if entry is None or not (entry.stands or now - entry.raised_at < cooldown):
            entry = Entry(alert, now, stands=True)
        entries[alert.key] = entry._replace(stands=True)
    over = [entry._replace(stands=False) for entry in known.values()]
    remembered = [entry for entry in over if now - entry.raised_at < cooldown]
    forgotten = [entry for entry in over if entry not in remembered]
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
