"""`llmrec db`: the schema of the evidence store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.cli import FAILED, OK
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, say
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.opening import VARIABLE, EvidenceStore


@contextmanager
def opened_store(*, as_it_is: bool = False) -> Iterator[EvidenceStore]:
    """The store of this environment, said where nobody named it. `as_it_is`: with whatever schema
    it has. Raises SettingsError and EvidenceStoreError."""
    opening = migrating.open_as_it_is if as_it_is else migrating.open_store
    store = opening(read_locations())
    if store.address.is_embedded:
        note(f"llmrec: {VARIABLE} is not set; the evidence store is {store.address.shown}")
    try:
        yield store
    finally:
        store.close()


def upgrade(revision: str, wanted: Format | None) -> int:
    """Migrate, and print from where to where."""
    with opened_store(as_it_is=True) as store:
        before = migrating.current(store)
        migrating.upgrade(store, revision)
        return _tell({**_state(store), "before": before}, wanted)


def downgrade(revision: str, wanted: Format | None) -> int:
    """Migrate back, and print from where to where."""
    with opened_store(as_it_is=True) as store:
        before = migrating.current(store)
        migrating.downgrade(store, revision)
        return _tell({**_state(store), "before": before}, wanted)


def current(wanted: Format | None) -> int:
    """Print the database and its revision."""
    with opened_store(as_it_is=True) as store:
        return _tell(_state(store), wanted)


def check(wanted: Format | None) -> int:
    """Print how the schema differs from what this version expects."""
    with opened_store(as_it_is=True) as store:
        differences = migrating.differences(store)
        _tell({**_state(store), "differences": differences}, wanted)
    return FAILED if differences else OK


def _state(store: EvidenceStore) -> dict[str, Any]:
    return {
        "database": store.address.shown,
        "revision": migrating.current(store),
        "newest": migrating.head(),
    }


def _tell(state: dict[str, Any], wanted: Format | None) -> int:
    if chosen(wanted) is Format.JSON:
        print_json(state)
        return OK
    say(f"{state['database']}: revision {state['revision'] or 'none'}, newest {state['newest']}.")
    if "before" in state:
        say(f"Before: {state['before'] or 'none'}.")
    for difference in state.get("differences", ()):
        say(f"  {difference}")
    return OK
