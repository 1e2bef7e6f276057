"""The ledger of alerts on disk: `state/alerts/ledger.json`, one reader and writer at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from llmrec_pipeline.domain.alert_ledger import Entry
from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.files import write_json

_log = logging.getLogger(__name__)


@contextmanager
def ledger_lock(locations: Locations) -> Iterator[None]:
    """Waits for whoever is telling alerts now, which its channels' time-outs bound."""
    locations.locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locations.locks / "alerts.lock"):
        yield


def read_ledger(locations: Locations) -> list[Entry]:
    """The alerts that are known. A damaged file is no ledger: what stands is told once more."""
    path = _path(locations)
    try:
        return [Entry.from_mapping(entry) for entry in read_json(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s: cannot be read: %s; what stands is told again", path, error)
        return []


def write_ledger(locations: Locations, entries: Sequence[Entry]) -> None:
    """Replace the file."""
    write_json(_path(locations), [entry.to_mapping() for entry in entries])


def _path(locations: Locations) -> Path:
    return locations.states / "alerts" / "ledger.json"
