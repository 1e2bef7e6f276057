"""`llmrec doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import duckdb

from llmrec_pipeline.locations import Locations
from llmrec_pipeline.serving.api.config import load_api_config
from llmrec_pipeline.serving.cli import FAILED, OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table
from llmrec_pipeline.serving.source_rows import source_rows
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.settings import Settings, SettingsError, load_settings
from llmrec_pipeline.storage.editions import EditionError, find_edition
from llmrec_pipeline.storage.fixture import Fixture, FixtureError
from llmrec_pipeline.storage.warehouse import WarehouseError, first_row, open_warehouse
from llmrec_pipeline.team_settings import (
    load_audit,
    load_mentions,
    load_sentiment,
    load_team_settings,
)
from llmrec_pipeline.telemetry.formats import MAPPINGS, mapping_in

_LOADERS: tuple[Callable[[Locations], object], ...] = (
    load_team_settings,
    load_mentions,
    load_audit,
    load_sentiment,
    load_learning,
    load_api_config,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis. `state` is ok, warning or problem."""

    what: str
    state: str
    detail: str


def doctor(wanted: Format | None) -> int:
    """Print the findings; a problem gives exit code 1, a warning does not."""
    findings = list(_findings())
    rows = [asdict(finding) for finding in findings]
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, ["what", "state", "detail"])
    return FAILED if any(finding.state == "problem" for finding in findings) else OK


def _findings() -> Iterator[Finding]:
    yield Finding("python", "ok", sys.version.split()[0])
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding("settings", "problem", str(error))
        return
    yield from _other_settings(settings.locations)
    yield _folder(settings.locations.data)
    yield _fixture(settings)
    yield _warehouse(settings)
    yield _edition(settings)
    yield evidence_finding(settings.locations)
    yield _own_calls(settings.locations)
    yield _dagster_home(settings)
    for row in source_rows(settings):
        name = f"source {row['source']}"
        seen = f"seen {row['age']} ago" if row["age"] else "never seen"
        detail = f"origin {row['origin']}, {seen}"
        if row["last_error"]:
            detail += f"; last pull: {row['last_error']}"
        if not row["enabled"]:
            yield Finding(name, "ok", "switched off")
        elif row["origin"] == "live":
            yield Finding(name, "warning" if row["last_error"] else "ok", detail)
        else:
            yield Finding(name, "warning", detail)


def _other_settings(locations: Locations) -> Iterator[Finding]:
    """The files that `Settings` does not hold, each by its own loader."""
    mappings = sorted((locations.config / MAPPINGS).glob("*.yaml"))
    loads: list[Callable[[], object]] = [
        *(partial(load, locations) for load in _LOADERS),
        *(partial(mapping_in, path) for path in mappings),
    ]
    is_well = True
    for load in loads:
        try:
            load()
        except SettingsError as error:
            is_well = False
            yield Finding("settings", "problem", str(error))
    if is_well:
        yield Finding("settings", "ok", str(locations.config))


def _folder(data: Path) -> Finding:
    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        return Finding("data folder", "problem", f"{data}: {error.strerror}; set LLMREC_DATA_DIR")
    return Finding("data folder", "ok", str(data))


def _fixture(settings: Settings) -> Finding:
    try:
        fixture = Fixture(settings.locations.fixture, settings)
    except FixtureError as error:
        return Finding("bundled facts", "problem", str(error))
    return Finding("bundled facts", "ok", ", ".join(fixture.sources()))


def _warehouse(settings: Settings) -> Finding:
    path = settings.locations.warehouse
    if not path.exists():
        return Finding("warehouse", "warning", f"{path}: not built yet; run `llmrec run`")
    try:
        with open_warehouse(path, settings.pipeline.warehouse, read_only=True) as con:
            row = first_row(con, "SELECT count(*) FROM pulls")
    except WarehouseError as error:
        return Finding("warehouse", "problem", str(error))
    except duckdb.Error:
        # Another shape, or a first load that was killed: the next refresh builds it anew.
        return Finding("warehouse", "warning", f"{path}: of another shape; run `llmrec refresh`")
    return Finding("warehouse", "ok", f"{row[0] if row else 0} pulls")


def _edition(settings: Settings) -> Finding:
    try:
        edition = find_edition(settings.locations.published, None)
        manifest = edition.manifest()
    except EditionError as error:
        return Finding("edition", "warning", str(error))
    try:
        edition.verify()
    except EditionError as error:
        return Finding("edition", "problem", str(error))
    return Finding("edition", "ok", f"{edition.name}, data as of {manifest['snapshot_ts']}")


def _own_calls(locations: Locations) -> Finding:
    """Every day's file against its SHA-256."""
    from llmrec_pipeline.storage.usage_partitions import UsagePartitions
    from llmrec_pipeline.storage.usage_seals import TelemetryError, require_sound

    name = "own calls"
    files = UsagePartitions(locations.usage_events).files()
    try:
        require_sound(files.values())
    except TelemetryError as error:
        return Finding(name, "problem", str(error))
    return Finding(name, "ok", f"{len(files)} days")


def evidence_finding(locations: Locations, environment: Mapping[str, str] | None = None) -> Finding:
    """The evidence store as it is: nothing is migrated or made."""
    from llmrec_pipeline.storage.evidence_store import migrating
    from llmrec_pipeline.storage.evidence_store.opening import EvidenceStoreError, store_address

    name = "evidence store"
    try:
        address = store_address(locations, environment)
        if address.is_embedded and not Path(str(address.url.database)).exists():
            return Finding(name, "ok", f"{address.shown}: not there yet")
        store = migrating.open_as_it_is(locations, environment)
        try:
            store.require_sound()
            revision = migrating.current(store)
        finally:
            store.close()
    except (SettingsError, EvidenceStoreError) as error:
        return Finding(name, "problem", str(error))
    return Finding(name, "ok", f"{address.shown}, revision {revision or 'none'}")


def _dagster_home(settings: Settings) -> Finding:
    ours = settings.locations.data / "dagster"
    home = os.environ.get("DAGSTER_HOME")
    if home and Path(home).absolute() != ours:
        return Finding("dagster home", "ok", f"{home} (from DAGSTER_HOME)")
    return Finding("dagster home", "ok", str(ours))
