"""What came of a job, in plain values: the command line reads it without Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What came of a job. `warnings` are the failed checks, `error` is one line; `interrupted`
    where somebody asked the process to end."""

    job: str
    run_id: str
    success: bool
    warnings: tuple[str, ...]
    error: str | None
    metadata: Mapping[str, Mapping[str, Any]]  # by asset key, plain values
    interrupted: bool = False
