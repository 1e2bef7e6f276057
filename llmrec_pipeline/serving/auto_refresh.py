"""Whether an answer should wait for fresher data, and the refresh that is then started.

Standard library only until a refresh is due. The refresh is a process of its own that goes on when
we stop waiting; one is started at a time, whoever asks, and a note of the last one keeps a refresh
that fails from being started by every answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.states import SourceState, read_state

_LONGEST_BACKOFF = timedelta(hours=6)
_POLL_S = 0.1
BUSY = 6  # exit code of a run that another run kept from starting


def sources_due(
    locations: Locations,
    sources: Mapping[str, Mapping[str, Any]],
    now: datetime,
    rules: Mapping[str, float],
) -> list[str]:
    """Enabled sources that were last verified too long ago and are not left alone after a
    failure. The pause doubles with each failure in a row, so that a publisher that stays away
    does not make every answer wait. `rules` has `live_hours` and `backoff_minutes`."""
    if locations.offline:
        return []
    return [
        name
        for name, source in sources.items()
        if source.get("enabled", True) and _is_due(read_state(locations.states, name), now, rules)
    ]


def _is_due(state: SourceState, now: datetime, rules: Mapping[str, float]) -> bool:
    verified, attempt = state.moment("last_verified_at"), state.moment("last_attempt_at")
    live = timedelta(hours=rules["live_hours"])
    # A moment that lies far ahead was told by a clock that has been set back since.
    if verified is not None and abs(now - verified) <= live:
        return False
    if attempt is None:
        return True
    since = abs(now - attempt)
    if state.last_status == "skipped":
        return since > live
    pause = timedelta(minutes=rules["backoff_minutes"]) * (1 << min(max(state.failures - 1, 0), 10))
    return since > min(pause, _LONGEST_BACKOFF)


@dataclass(frozen=True, slots=True)
class _Started:
    """The last refresh that an answer started."""

    at: datetime
    pid: int

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def refresh_and_wait(
    locations: Locations,
    now: datetime,
    rules: Mapping[str, float],
    *,
    force: bool,
    patient: bool,
) -> str | None:
    """Start a run in the background and wait a little; says in words how that went, None where
    there is nothing to say.

    A run that another answer started is not started again: within the back-off it is left alone,
    and only a `patient` caller, who has nothing to answer from, waits for one that is under way."""
    from filelock import FileLock

    locations.logs.mkdir(parents=True, exist_ok=True)
    locations.locks.mkdir(parents=True, exist_ok=True)
    pause = timedelta(minutes=rules["backoff_minutes"])
    process = None
    with FileLock(locations.locks / "auto_refresh.lock"):
        last = _read(locations)
        joins = last is not None and last.is_alive and now - last.at < _LONGEST_BACKOFF
        if not joins and last is not None and timedelta() <= now - last.at < pause and not force:
            return None
        if not joins:
            process = _start(locations)
            last = _Started(now, process.pid)
            _note(locations, last)
    began = time.monotonic()
    if process is None:
        if last is None or not (patient or force) or not _ends(last, rules["wait_s"]):
            return "a refresh is under way; this answer does not wait for it"
        return f"waited {time.monotonic() - began:.0f} s for the refresh that was under way"
    try:
        code = process.wait(timeout=rules["wait_s"])
    except subprocess.TimeoutExpired:
        return f"a refresh is under way (process {process.pid}); this answer does not wait for it"
    if code == 0:
        return f"refreshed in {time.monotonic() - began:.0f} s"
    if code == BUSY:
        return "another run is under way; this answer does not wait for it"
    return f"the refresh failed (exit code {code}); see {_log(locations)}"


def _start(locations: Locations) -> subprocess.Popen[bytes]:
    with _log(locations).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "llmrec_pipeline.serving.cli", "run", "--no-wait"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _ends(started: _Started, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while started.is_alive:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _log(locations: Locations) -> Path:
    return locations.logs / "refresh.log"


def _noted(locations: Locations) -> Path:
    return locations.logs / "refresh.json"


def _read(locations: Locations) -> _Started | None:
    try:
        content = read_json(_noted(locations).read_text("utf-8"))
        return _Started(parse_iso(content["started_at"]), int(content["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(locations: Locations, started: _Started) -> None:
    content = {"started_at": iso(started.at), "pid": started.pid}
    _noted(locations).write_text(json.dumps(content), encoding="utf-8")
