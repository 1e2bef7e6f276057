"""The evidence store within a run: opened for a step, and what a person has to mend told as such."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import EditionError
from llmrec_pipeline.storage.evidence_store.migrating import open_store
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore, EvidenceStoreError
from llmrec_pipeline.storage.usage_seals import TelemetryError


@contextmanager
def opened_for_run(settings: Settings) -> Iterator[EvidenceStore]:
    """The evidence store, closed afterwards; raises SettingsError and EvidenceStoreError."""
    store = open_store(settings.locations)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def not_to_be_retried() -> Iterator[None]:
    """A wrong setting, a store that is not migrated or lacks a model, or events that cannot be read,
    stay so until a person acts: raises Failure, which Dagster does not try again."""
    try:
        yield
    except (
        SettingsError,
        EvidenceStoreError,
        EditionError,
        RequestError,
        TelemetryError,
    ) as error:
        raise Failure(str(error), allow_retries=False) from error
