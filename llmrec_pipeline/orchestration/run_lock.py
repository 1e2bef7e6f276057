"""The lock that a command holds while it runs jobs, in every process that has to know of it.

The system lets go of it when its holder dies, however that came about; so whether it is free says
for certain whether a run that a command started can still be alive.
"""

from __future__ import annotations

from filelock import FileLock

from llmrec_pipeline.locations import Locations


def run_lock(locations: Locations) -> FileLock:
    """The lock of this data folder, not yet acquired."""
    locations.locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locations.locks / "run.lock")
