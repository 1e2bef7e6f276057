"""Partitions of usage events: a set of events, however it came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.usage_prices import Window
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.serving.cli import FAILED
from llmrec_pipeline.serving.cli.errors import exit_code_of
from llmrec_pipeline.settings import WarehouseSettings, load_settings
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.usage_engines import open_usage_events
from llmrec_pipeline.storage.usage_partitions import Merged, UsagePartitions, event_engine
from llmrec_pipeline.storage.usage_seals import DamagedEvents, require_sound

DAY = date(2026, 11, 1)
NEXT_DAY = DAY + timedelta(days=1)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIMITS = WarehouseSettings(lock_wait_s=1, max_memory_mb=256, threads=1)


def event(event_id: str, **values: Any) -> dict[str, Any]:
    """A row of USAGE_EVENTS with what a test states."""
    return {"source": "test", "event_id": event_id, "started_at": NOON, "calls": 1, **values}


class Folder:
    """Partitions, and imports of one file each."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.places = Locations(data=root, config=root, offline=True)
        self.partitions = UsagePartitions(self.places.usage_events)

    def merge(self, events: Sequence[dict[str, Any]], day: date = DAY) -> Merged:
        staged = self.root / "staged.parquet"
        pl.DataFrame(events, schema=polars_schema(USAGE_EVENTS)).write_parquet(staged)
        with event_engine(LIMITS, self.root / "scratch") as con:
            return self.partitions.merge(con, day, [staged])

    def put(self, day: date, events: Sequence[dict[str, Any]]) -> None:
        """A day as another tool writes it."""
        place = self.places.usage_events / f"day={day}"
        place.mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame(events, schema=polars_schema(USAGE_EVENTS))
        frame.write_parquet(place / "events.parquet")

    def events(self) -> list[dict[str, Any]]:
        """What any reader finds by a plain glob."""
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            return con.sql(f"FROM '{self.places.usage_events}/day=*/*.parquet'").pl().to_dicts()

    def read_by_engine(self) -> None:
        """As the statistics of our own calls do."""
        window = Window(NOON - timedelta(days=1), NOON + timedelta(days=1))
        with open_usage_events(self.places, load_settings({}).telemetry, {}) as engine:
            engine.events(window)


def test_the_same_again_changes_no_byte(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    events = [event("b"), event("a"), event("a")]
    assert folder.merge(events) == Merged(new=2, updated=0, duplicate=1, differing=0)
    (path,) = folder.partitions.files().values()
    content, digest = path.read_bytes(), folder.partitions.digest()
    assert folder.merge(events) == Merged(new=0, updated=0, duplicate=3, differing=0)
    assert (path.read_bytes(), folder.partitions.digest()) == (content, digest)
    rows = folder.events()
    assert [(row["event_id"], row["day"]) for row in rows] == [("a", DAY), ("b", DAY)]
    assert pl.read_parquet_schema(path) == polars_schema(USAGE_EVENTS)


def test_only_its_day_is_merged(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    before = midnight - timedelta(microseconds=1)
    events = [event("late", started_at=before), event("early", started_at=midnight)]
    assert folder.merge(events).new == 1
    assert folder.merge(events, date(2026, 11, 2)).new == 1
    assert list(folder.partitions.files()) == [DAY, date(2026, 11, 2)]
    assert [(row["event_id"], row["day"].day) for row in folder.events()] == [
        ("late", 1),
        ("early", 2),
    ]


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (event("a", calls=3, input_tokens=5), event("a", calls=4)),
        (event("a", status="ok"), event("a", status="ok", duration_s=2.0)),
    ],
    ids=["totals that have grown", "a call whose end came later"],
)
def test_of_one_event_what_says_more_stands(
    tmp_path: Path, less: dict[str, Any], more: dict[str, Any]
) -> None:
    forth, back = Folder(tmp_path / "forth"), Folder(tmp_path / "back")
    assert [forth.merge([less]), forth.merge([more])] == [
        Merged(1, 0, 0, 0),
        Merged(0, 1, 0, 0),
    ]
    assert [back.merge([more]), back.merge([less])] == [Merged(1, 0, 0, 0), Merged(0, 0, 1, 1)]
    assert forth.events() == back.events()
    assert forth.partitions.digest() == back.partitions.digest()


def test_the_same_id_on_the_day_beside_is_the_same_event(tmp_path: Path) -> None:
    evening = NOON + timedelta(hours=11)
    in_utc = [event("a", started_at=evening), event("b")]
    in_new_york = [event("a", started_at=evening + timedelta(hours=5))]
    forth, back = Folder(tmp_path / "forth"), Folder(tmp_path / "back")
    assert forth.merge(in_utc) == Merged(2, 0, 0, 0)
    assert forth.merge(in_new_york, NEXT_DAY) == Merged(0, 0, 1, 1)
    assert back.merge(in_new_york, NEXT_DAY) == Merged(1, 0, 0, 0)
    assert back.merge(in_utc) == Merged(1, 1, 0, 0)
    assert back.events() == forth.events()
    assert back.partitions.digest() == forth.partitions.digest()
    assert list(back.partitions.files()) == [DAY]


def test_an_event_that_moves_leaves_the_others_of_its_day(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.merge([event("a"), event("b")])
    moved = event("a", started_at=NOON + timedelta(days=1), status="ok")
    assert folder.merge([moved], NEXT_DAY) == Merged(0, 1, 0, 0)
    assert [(row["event_id"], row["day"]) for row in folder.events()] == [
        ("b", DAY),
        ("a", NEXT_DAY),
    ]
    # A merge that was killed between the two files is made up for.
    folder.put(DAY, [event("a"), event("b")])
    assert folder.merge([moved], NEXT_DAY) == Merged(0, 0, 1, 0)
    assert [row["event_id"] for row in folder.events()] == ["b", "a"]


def test_two_installations_keep_the_same_of_rows_that_say_as_much(tmp_path: Path) -> None:
    kept = []
    for salt in ("one", "two", "three", "four"):
        folder = Folder(tmp_path / salt)
        folder.merge([event("a", role=role, user_hash=f"{salt} {role}") for role in "xyz"])
        kept += [row["role"] for row in folder.events()]
    assert len(kept) == 4
    assert len(set(kept)) == 1


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(1, 2),
            st.none() | st.integers(0, 2),
            st.sampled_from([NOON, NOON + timedelta(days=1)]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_and_overlap_ends_alike(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, int, int | None, datetime]],
    dice: Any,
) -> None:
    events = [
        event(name, calls=calls, total_tokens=tokens, started_at=start)
        for name, calls, tokens, start in told
    ]
    once, parts = (Folder(tmp_path_factory.mktemp("order")) for _ in range(2))
    for day in (DAY, NEXT_DAY):
        once.merge(events, day)
    shuffled = dice.sample(events, len(events))
    cut = dice.randint(0, len(events))
    counts = [
        parts.merge(part, day)
        for part in (shuffled[:cut] or events, shuffled[cut:], shuffled)
        for day in dice.sample([DAY, NEXT_DAY], 2)
    ]
    assert parts.events() == once.events()
    assert parts.partitions.digest() == once.partitions.digest()
    assert sum(count.new for count in counts) == len({name for name, *_ in told})


def test_a_reader_holds_on_to_what_it_opened(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.merge([event("a")])
    (path,) = folder.partitions.files().values()
    with path.open("rb") as handle:
        folder.merge([event("b")])
        assert pl.read_parquet(handle)["event_id"].to_list() == ["a"]
    assert [row["event_id"] for row in folder.events()] == ["a", "b"]


def test_what_another_tool_wrote_counts(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    nothing = folder.partitions.digest()
    folder.put(DAY, [event("a")])
    assert folder.partitions.digest() != nothing
    assert folder.merge([event("a"), event("b")]) == Merged(1, 0, 1, 0)


def test_a_day_that_the_disk_changed_is_neither_read_nor_merged(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.merge([event(str(number), input_tokens=number) for number in range(2_000)])
    (path,) = folder.partitions.files().values()
    require_sound([path])
    good = path.read_bytes()
    place = len(good) // 3
    path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
    told = f"{path}: damaged: the content differs from its sha256; remove the file, then import"
    for read in (
        lambda: require_sound([path]),
        folder.read_by_engine,
        lambda: folder.merge([event("new")]),
        lambda: folder.merge([event("new", started_at=NOON + timedelta(days=1))], NEXT_DAY),
    ):
        with pytest.raises(DamagedEvents) as refused:
            read()
        assert str(refused.value).startswith(told)
        assert exit_code_of(refused.value) == FAILED
    path.write_bytes(good[:-1])
    with pytest.raises(DamagedEvents, match=r"events\.parquet: damaged: .*; remove the file"):
        folder.partitions.digest()
    path.unlink()
    assert folder.merge([event("new")]).new == 1
