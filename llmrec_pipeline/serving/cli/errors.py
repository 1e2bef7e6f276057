"""Which of our errors means which exit code, without importing what raises them."""

from __future__ import annotations

from llmrec_pipeline.serving.cli import BAD_SETTING, BUSY, FAILED, NO_EDITION, NOTHING_LEFT, USAGE

_CODES = {
    "RequestError": USAGE,
    "QueryError": USAGE,
    "EditionError": NO_EDITION,
    "SettingsError": BAD_SETTING,
    "WarehouseError": BUSY,
    "FixtureError": FAILED,
    "DamagedPull": FAILED,
    "DamagedExport": FAILED,
    "BusyError": BUSY,
    "EvidenceStoreError": FAILED,
    "StoreBusyError": BUSY,
    "TelemetryError": FAILED,
    "SearchFailed": FAILED,
    "NoProvider": NOTHING_LEFT,
    "JobError": FAILED,
    "DagsterStorageError": FAILED,
    "UsageLogError": USAGE,
    "EmbeddingError": FAILED,
}


class BusyError(Exception):
    """Another process holds what this command needs."""


class JobError(Exception):
    """A job ended in failure. One line."""


def exit_code_of(error: Exception) -> int | None:
    """The documented exit code, None for what is a bug of ours."""
    for kind in type(error).__mro__:
        if kind.__module__.startswith("llmrec_pipeline") and kind.__name__ in _CODES:
            return _CODES[kind.__name__]
    return FAILED if isinstance(error, OSError) else None
