"""Whether an answer should wait for fresher data, and the refresh that is then started.

Standard library only. The refresh is a process of its own that goes on when we stop waiting; a
lock lets one run at a time, whoever started it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.states import SourceState, read_state

# Before the first edition there is nothing to read these from.
DEFAULT_RULES = {"live_hours": 9.0, "wait_s": 20.0, "backoff_minutes": 15.0}
_LONGEST_BACKOFF = timedelta(hours=6)
BUSY = 6  # exit code of a run that another run kept from starting


def sources_due(
    locations: Locations,
    sources: Mapping[str, Mapping[str, Any]],
    now: datetime,
    rules: Mapping[str, float],
) -> list[str]:
    """Enabled sources that were last verified too long ago and are not left alone after a
    failure. The pause doubles with each failure in a row, so that a publisher that stays away
    does not make every answer wait."""
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
    if verified is not None and now - verified <= live:
        return False
    if attempt is None:
        return True
    if state.last_status == "skipped":
        return now - attempt > live
    pause = timedelta(minutes=rules["backoff_minutes"]) * (1 << min(max(state.failures - 1, 0), 10))
    return now - attempt > min(pause, _LONGEST_BACKOFF)


def refresh_and_wait(locations: Locations, wait_s: float) -> str:
    """Start a run in the background and wait a little; says in words how that went."""
    locations.logs.mkdir(parents=True, exist_ok=True)
    with (locations.logs / "refresh.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "llmrec_pipeline.serving.cli", "run", "--no-wait"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = time.monotonic()
    try:
        code = process.wait(timeout=wait_s)
    except subprocess.TimeoutExpired:
        return f"a refresh is under way (process {process.pid}); this answer does not wait for it"
    took = time.monotonic() - started
    if code == 0:
        return f"refreshed in {took:.0f} s"
    if code == BUSY:
        return "another refresh is under way; this answer does not wait for it"
    return f"the refresh failed (exit code {code}); see {locations.logs / 'refresh.log'}"
