"""What one refresh costs on a lake of so many pulls, measured in processes of their own."""

from __future__ import annotations

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.category_ranking import rank_all_categories
from llmrec_pipeline.storage.changes import note_changes
from llmrec_pipeline.storage.editions import current_edition
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.inputs import hash_inputs, present_inputs
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.refreshing import (
    derive_silver,
    load_bronze,
    publish_edition,
    rank_tasks,
)
from llmrec_pipeline.storage.warehouse import open_warehouse
from llmrec_pipeline_tests.benchmarks.apart import apart
from llmrec_pipeline_tests.benchmarks.synthetic_lake import SyntheticLake

STEPS = (
    "open",
    "load_bronze",
    "derive_silver",
    "rank_tasks",
    "rank_all_categories",
    "note_changes",
    "publish_edition",
)


_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # as proc(5) has it


@dataclass(slots=True)
class Cost:
    """Seconds by step, in the order of the repetitions, the most memory that any of them took, and
    what they leave behind."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    peak_mib: float = 0.0
    edition_kib: float = 0.0
    warehouse_mib: float = 0.0

    def of(self, *steps: str) -> float:
        """Median seconds of these steps together."""
        runs = zip(*(self.seconds[step] for step in steps), strict=True)
        return statistics.median(sum(run) for run in runs)

    def add(self, other: Cost) -> None:
        """Take in a further repetition."""
        for step, seconds in other.seconds.items():
            self.seconds.setdefault(step, []).extend(seconds)
        self.peak_mib = max(self.peak_mib, other.peak_mib)
        self.edition_kib, self.warehouse_mib = other.edition_kib, other.warehouse_mib


class Refreshes:
    """Refreshes of one lake after one new pull each, in a process of its own, whose peak memory
    is theirs alone. A context manager."""

    def __init__(self, data: Path, pulls: int, models: int) -> None:
        self.cost = Cost()
        self._data, self._pulls, self._models = data, pulls, models
        self._pool = multiprocessing.get_context("spawn").Pool(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Asked to end rather than killed: its last refresh is done, and it has nothing to lose.
        self._pool.close()
        self._pool.join()

    def once(self, *, counts: bool) -> None:
        """Land a pull and refresh; the first time only warms the process."""
        arguments = self._data, self._pulls, self._models
        cost = self._pool.apply(_next_refresh, arguments)
        self._pulls += 1
        if counts:
            self.cost.add(cost)


def build(
    data: Path, pulls: int, models: int, tell: Callable[[int], None], *, before: int = 0
) -> Cost:
    """Write the lake, and the cost of its first refresh, when everything is new. It begins where a
    lake would be after `before` pulls."""
    synthetic = SyntheticLake(data, models)
    synthetic.skip(before)
    synthetic.write(pulls, tell)
    return apart(_first_refresh, data, before + pulls, models)


def _first_refresh(data: Path, pulls: int, models: int) -> Cost:
    synthetic = SyntheticLake(data, models)
    synthetic.skip(pulls)
    seconds: dict[str, list[float]] = {}
    settings = _settings(data)
    _refresh(settings, synthetic.now, seconds)
    return _cost(settings, seconds)


def _next_refresh(data: Path, pulls: int, models: int) -> Cost:
    synthetic = SyntheticLake(data, models)
    synthetic.skip(pulls)
    seconds: dict[str, list[float]] = {}
    settings = _settings(data)
    # The first refresh after years were loaded writes more of the warehouse than any other: each has
    # a peak of its own.
    _STATUS.with_name("clear_refs").write_text(_RESET_PEAK)
    with _timed(seconds, "land"):
        synthetic.land()
    _refresh(settings, synthetic.now, seconds)
    with _timed(seconds, "sensor"):
        _ask(settings, synthetic)
    return _cost(settings, seconds)


def _refresh(settings: Settings, now: datetime, seconds: dict[str, list[float]]) -> None:
    fixture = Fixture(settings.locations.fixture, settings)
    processor = time.process_time()
    started = time.perf_counter()
    with open_warehouse(settings.locations.warehouse, settings.pipeline.warehouse) as con:
        seconds.setdefault("open", []).append(time.perf_counter() - started)
        with _timed(seconds, "load_bronze"):
            load_bronze(con, settings, Lake(settings.locations.data))
        with _timed(seconds, "derive_silver"):
            derive_silver(con, settings, now, fixture)
        with _timed(seconds, "rank_tasks"):
            rank_tasks(con, settings)
        with _timed(seconds, "rank_all_categories"):
            rank_all_categories(con, settings)
        with _timed(seconds, "note_changes"):
            note_changes(con, settings, fixture)
        with _timed(seconds, "publish_edition"):
            published = publish_edition(con, settings, now, fixture)
        started = time.perf_counter()
    seconds["open"][-1] += time.perf_counter() - started  # closing writes a checkpoint
    seconds.setdefault("processor", []).append(time.process_time() - processor)
    if not published.is_new:
        raise RuntimeError("a refresh after new content published nothing")


def _ask(settings: Settings, synthetic: SyntheticLake) -> None:
    edition = current_edition(settings.locations.published)
    manifest = edition.manifest() if edition else {}
    present = present_inputs(settings, synthetic.lake, synthetic.now, manifest)
    if hash_inputs(present) != manifest["inputs_hash"]:
        raise RuntimeError("the sensor would refresh again right after a refresh")


def _peak_mib() -> float:
    """The most memory of this process, in MiB, since it was last reset."""
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text("ascii"))
    if found is None:
        raise RuntimeError(f"{_STATUS} tells no peak of memory")
    return int(found[1]) / 1024


@contextmanager
def _timed(seconds: dict[str, list[float]], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds.setdefault(name, []).append(time.perf_counter() - started)


def _settings(data: Path) -> Settings:
    return load_settings({"LLMREC_DATA_DIR": str(data)})


def _cost(settings: Settings, seconds: dict[str, list[float]]) -> Cost:
    edition = current_edition(settings.locations.published)
    files = edition.folder.rglob("*.*") if edition else ()
    # A hard-linked month is shared with the edition before it.
    own = sum(path.stat().st_size for path in files if path.stat().st_nlink == 1)
    return Cost(
        seconds,
        peak_mib=_peak_mib(),
        edition_kib=own / 1024,
        warehouse_mib=settings.locations.warehouse.stat().st_size / 2**20,
    )
