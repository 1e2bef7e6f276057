"""What figures were taken on, without the machine's name or any path: for the pages of results."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

_ALWAYS = ("dagster", "duckdb", "polars")


def measured_on(libraries: Sequence[str] = _ALWAYS) -> str:
    """One sentence: system, cores, memory, Python, versions of libraries, and what else ran."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB of "
        f"memory, Python {platform.python_version()}; {versions}. Load average of the last 15 "
        f"minutes: {os.getloadavg()[2]:.1f}."
    )
