"""All sources of a run at once: one slow publisher costs its own time, not the sum.

The in-process executor runs steps one after the other, so the first raw step starts every pull of
the run in threads of its own and each step waits for its source. The threads are daemons: a name
look-up that hangs cannot hold the process back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet

from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock, PullOutcome, note_overdue, pull_source


class PullPool:
    """Pulls by run. `outcome` is called once for each source of a run."""

    def __init__(self, settings: Settings, lake: Lake, clock: Clock) -> None:
        self._settings = settings
        self._lake = lake
        self._clock = clock
        self._guard = threading.Lock()
        self._runs: dict[str, tuple[float, dict[str, Future[PullOutcome]]]] = {}

    def outcome(self, run_id: str, source: str, sources: Iterable[str]) -> PullOutcome:
        """The source's pull, started now or earlier in this run; never raises for a publisher."""
        allowed = self._settings.pipeline.ingest.deadline_s
        with self._guard:
            if run_id not in self._runs:
                started = {name: self._start(name) for name in sources}
                self._runs[run_id] = (time.monotonic() + allowed, started)
            deadline, futures = self._runs[run_id]
            future = futures.pop(source, None) or self._start(source)
            if not futures:
                del self._runs[run_id]
        try:
            return future.result(timeout=max(0.0, deadline - time.monotonic()))
        except NotYet:
            return note_overdue(source, self._settings, self._lake, self._clock, allowed)

    def _start(self, source: str) -> Future[PullOutcome]:
        future: Future[PullOutcome] = Future()

        def pull() -> None:
            try:
                future.set_result(pull_source(source, self._settings, self._lake, self._clock))
            except BaseException as error:  # noqa: BLE001 - handed to the step that waits
                future.set_exception(error)

        threading.Thread(target=pull, name=f"pull-{source}", daemon=True).start()
        return future
