"""Files that a disk gives back otherwise than they were written: one bit, or a page of zeros."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from sqlalchemy import text

from llmrec_pipeline.domain.usage_prices import Window
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.serving.cli.doctoring import evidence_finding
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import MANIFEST, RANKING, Edition, EditionError
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStoreError
from llmrec_pipeline.storage.lake import DamagedPull, Lake
from llmrec_pipeline.storage.loading import load
from llmrec_pipeline.storage.usage_engines import open_usage_events
from llmrec_pipeline.storage.usage_partitions import UsagePartitions
from llmrec_pipeline.storage.usage_seals import DamagedEvents
from llmrec_pipeline.storage.warehouse import WarehouseError
from llmrec_pipeline_tests.faults.operations import OPERATIONS
from llmrec_pipeline_tests.faults.outcome import Outcome, Setting
from llmrec_pipeline_tests.parsing import page
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at, digests, models

_PAGE = 4096
_DIGITS = b"0123456789"


@contextmanager
def _damaged(path: Path, dice: random.Random, *, whole_page: bool = False) -> Iterator[None]:
    """The file with one bit turned, or a page zeroed, and as it was afterwards."""
    good = path.read_bytes()
    body = bytearray(good)
    place = dice.randrange(len(body))
    if whole_page:
        start = place - place % _PAGE
        body[start : start + _PAGE] = bytes(len(body[start : start + _PAGE]))
    else:
        body[place] ^= 1 << dice.randrange(8)
    with _holding(path, body):
        yield


@contextmanager
def _misread_digit(path: Path, dice: random.Random) -> Iterator[None]:
    """The file with one digit become another one, and as it was afterwards."""
    body = bytearray(path.read_bytes())
    place = dice.choice([place for place, byte in enumerate(body) if byte in _DIGITS])
    body[place] = dice.choice([digit for digit in _DIGITS if digit != body[place]])
    with _holding(path, body):
        yield


@contextmanager
def _holding(path: Path, body: bytes) -> Iterator[None]:
    good = path.read_bytes()
    path.write_bytes(body)
    try:
        yield
    finally:
        path.write_bytes(good)


def damaged_raw(setting: Setting) -> Outcome:
    """A raw page is never parsed."""
    outcome = Outcome()
    lake = Lake(setting.folder)
    lake.land_raw(AA, at(0), [page({"data": list(range(500))})])
    (path,) = (setting.folder / "raw" / AA).glob("*/page.json")
    for _ in range(setting.times(30, 5)):
        with _damaged(path, setting.dice):
            _expect(lambda: lake.read_raw(AA, at(0)), DamagedPull, path.name, outcome)
    return outcome


def damaged_bronze(setting: Setting) -> Outcome:
    """A bronze file is never loaded; restored, it is."""
    outcome = Outcome()
    folder = DataFolder(setting.folder)
    for number in range(4):
        folder.land(AA, at(number), models(40, quality_index=number / 3))
    files = sorted((setting.folder / "bronze" / AA).glob("*.parquet"))
    for _ in range(setting.times(30, 5)):
        path = setting.dice.choice(files)
        with _damaged(path, setting.dice), folder.open() as con:
            _expect(lambda con=con: load(con, folder.lake), WarehouseError, str(path), outcome)
    with folder.open() as con:
        outcome.lost += len(files) - load(con, folder.lake).pulls
    return outcome


def damaged_edition(setting: Setting) -> Outcome:
    """No file of an edition is read, and a rebuild makes another one."""
    outcome = Outcome()
    folder = _refreshed(setting.folder)
    edition = folder.refresh(at(2)).edition
    manifest = edition.manifest()
    names = sorted([MANIFEST, *manifest["files"]])
    for number in range(setting.times(3 * len(names), len(names))):
        name = names[number % len(names)]
        with _damaged(edition.folder / name, setting.dice):
            # Where the bit changes no content, such as the case of an escape, nothing is wrong.
            if name == MANIFEST and _or_none(edition.manifest) == manifest:
                continue
            _expect(_reader(edition, name), EditionError, name, outcome)
    for _ in range(setting.times(30, 3)):
        # Numbers that are wrong, and still JSON.
        with _misread_digit(edition.folder / RANKING, setting.dice):
            _expect(edition.ranking, EditionError, RANKING, outcome)
    path = edition.folder / setting.dice.choice(names)
    path.write_bytes(path.read_bytes()[:-1])
    outcome.cases += 1
    # What `llmrec rebuild` does.
    folder.warehouse.unlink()
    mended = folder.refresh(at(2) + timedelta(minutes=1))
    mended.edition.verify()
    same = mended.manifest["content_digest"] == manifest["content_digest"]
    outcome.held += mended.is_new and same
    return outcome


def _reader(edition: Edition, name: str) -> Callable[[], object]:
    if name == MANIFEST:
        return edition.manifest
    if name == RANKING:
        return edition.ranking
    if "/" in name:
        return lambda: _read_history(edition)
    return lambda: edition.table(Path(name).stem)


def _read_history(edition: Edition) -> None:
    with duckdb.connect(":memory:") as con:
        open_edition(con, edition)


def damaged_warehouse(setting: Setting) -> Outcome:
    """A warehouse answers as before or not at all, and is rebuilt to the same."""
    outcome = Outcome()
    folder = _refreshed(setting.folder)
    with folder.open() as con:
        before = digests(con)
    for _ in range(setting.times(30, 3)):
        outcome.cases += 1
        copy = DataFolder(setting.folder / "copy", folder.settings)
        copy.warehouse.parent.mkdir(exist_ok=True)
        shutil.copy(folder.warehouse, copy.warehouse)
        with _damaged(copy.warehouse, setting.dice, whole_page=setting.dice.random() < 0.5):
            try:
                with copy.open(read_only=True) as con:
                    outcome.lost += digests(con) != before
                outcome.held += 1
            except WarehouseError as error:
                outcome.held += "llmrec rebuild" in str(error)
                outcome.tell("refused where a block was hit")
        shutil.rmtree(setting.folder / "copy")
    folder.warehouse.unlink()
    outcome.lost += folder.digests(at(1)) != before
    return outcome


def damaged_sqlite(setting: Setting) -> Outcome:
    """A page of the evidence store: SQLite keeps no checksums, so what is no longer a page is told
    by its own check, and what reads as before is not."""
    outcome = Outcome()
    data = setting.folder / "data"
    OPERATIONS["deciding"].prepare(data)
    place = Locations(data=data, config=data, offline=True)
    path = data / "evidence.sqlite3"
    rows = _rows(place)
    for _ in range(setting.times(30, 5)):
        outcome.cases += 1
        with _damaged(path, setting.dice, whole_page=True):
            finding = evidence_finding(place, {})
            if finding.state == "problem":
                outcome.held += str(path) in finding.detail
            else:
                read = _or_none(lambda: _rows(place))
                outcome.lost += read is not None and read != rows
                outcome.held += read == rows
        for left in data.glob("*-wal"), data.glob("*-shm"):
            for file in left:
                file.unlink()
    outcome.tell(
        "whole pages; a value changed within one is not detected, since SQLite keeps no checksums; "
        "next: PostgreSQL, which does"
    )
    return outcome


def damaged_events(setting: Setting) -> Outcome:
    """A day of our own calls is neither summed nor merged with; removed and imported again, it is
    as it was."""
    outcome = Outcome()
    logged = OPERATIONS["importing calls"]
    data = setting.folder / "data"
    logged.prepare(data)
    list(logged.run(data))
    place = Locations(data=data, config=data, offline=True)
    files = UsagePartitions(place.usage_events).files()
    for number in range(setting.times(60, 8)):
        path = setting.dice.choice(list(files.values()))
        rows = pl.read_parquet(path)
        with _damaged(path, setting.dice, whole_page=number % 2 == 1):
            try:
                _read_events(place, files)
            except DamagedEvents as refused:
                outcome.refusal(str(refused), str(path))
                continue
            # The damage is in the name of the seal, and no event is another one.
            outcome.cases += 1
            outcome.lost += not pl.read_parquet(path).equals(rows)
            outcome.held += 1
    # All of its events are of the one log.
    path = files[max(files)]
    rows = pl.read_parquet(path)
    with _damaged(path, setting.dice, whole_page=True):
        _expect(lambda: list(logged.run(data)), DamagedEvents, "import the logs", outcome)
        path.unlink()
        outcome.cases += 1
        list(logged.run(data))
        outcome.held += pl.read_parquet(path).equals(rows)
    return outcome


def _read_events(place: Locations, days: Iterable[date]) -> None:
    """Read them as what is computed of our own calls reads them."""
    start = datetime.combine(min(days), time(tzinfo=UTC))
    window = Window(start, datetime.combine(max(days), time(tzinfo=UTC)) + timedelta(days=1))
    with open_usage_events(place, load_settings({}).telemetry, {}) as engine:
        engine.rows(engine.events(window).count().as_table())


def _rows(place: Locations) -> list[Any]:
    store = migrating.open_as_it_is(place, {})
    try:
        with store.reading() as session:
            return list(session.execute(text("SELECT * FROM model_recommendations")))
    finally:
        store.close()


def _refreshed(data: Path) -> DataFolder:
    folder = DataFolder(data)
    for number in range(2):
        folder.land(AA, at(number), models(40, quality_index=number / 3))
    folder.refresh(at(1))
    return folder


def _expect(act: Callable[[], object], error: type[Exception], name: str, outcome: Outcome) -> None:
    """Count a try that must be refused by a line that names the file."""
    try:
        act()
    except error as refused:
        outcome.refusal(str(refused), name)
        return
    outcome.cases += 1
    outcome.lost += 1
    outcome.tell(f"{name} was read")


def _or_none(read: Callable[[], Any]) -> Any:
    with suppress(EditionError, EvidenceStoreError, pl.exceptions.PolarsError):
        return read()
    return None
