"""The evidence store: the same on both databases, and nobody's by mistake."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url, select, text

from llmrec_pipeline.locations import Locations, SettingsError
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.column_types import plain_decimal
from llmrec_pipeline.storage.evidence_store.models import (
    Base,
    CatalogModel,
    ModelBenchmark,
    ModelPricing,
    RecommendationEvent,
)
from llmrec_pipeline.storage.evidence_store.opening import (
    EvidenceStore,
    EvidenceStoreError,
    store_address,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "correct-horse"


def _locations(folder: Path) -> Locations:
    return Locations(data=folder, config=folder, offline=True)


def _model(model_id: str = "laboratory/invented-1") -> CatalogModel:
    return CatalogModel(
        model_id=model_id, provider="laboratory", family="invented", display_name="Invented 1"
    )


def _price(**values: object) -> ModelPricing:
    return ModelPricing(
        **{
            "model_id": "laboratory/invented-1",
            "input_per_1k": Decimal("0.0000435"),
            "output_per_1k": Decimal("0.30"),
            "effective_at": NOON,
            "source": "invented",
            "retrieved_at": NOON,
            **values,
        }
    )


def _benchmark(**values: object) -> ModelBenchmark:
    return ModelBenchmark(
        **{
            "model_id": "laboratory/invented-1",
            "benchmark_name": "riddles",
            "score": Decimal("0.1"),
            "unit": "fraction",
            "task_type": "general",
            "source": "invented",
            "source_url": "https://example.org",
            "retrieved_at": NOON,
            **values,
        }
    )


def _write(store: EvidenceStore, *rows: Base) -> None:
    """All of them, one after the other, in one transaction."""
    with store.writing() as session:
        for row in rows:
            session.add(row)
            session.flush()


def test_the_schema_is_what_the_models_say_there_and_back(store: EvidenceStore) -> None:
    assert (migrating.current(store), migrating.differences(store)) == (migrating.head(), [])
    migrating.downgrade(store, "base")
    assert migrating.current(store) is None
    assert migrating.differences(store)
    migrating.upgrade(store)
    assert migrating.differences(store) == []


def test_a_column_that_is_gone_is_told(store: EvidenceStore) -> None:
    with store.migrating() as connection:
        connection.execute(text("ALTER TABLE model_pricing DROP COLUMN source_url"))
    (difference,) = migrating.differences(store)
    assert "model_pricing" in difference
    assert "source_url" in difference


def test_decimals_are_exact_and_moments_are_utc(store: EvidenceStore) -> None:
    tokyo = timezone(timedelta(hours=9))
    _write(store, _model(), _price(effective_at=NOON.astimezone(tokyo)))
    with store.reading() as session:
        read = session.scalars(select(ModelPricing)).one()
        catalogued = session.scalars(select(CatalogModel)).one()
    assert (read.input_per_1k, read.output_per_1k) == (Decimal("0.0000435"), Decimal("0.3"))
    assert (str(read.output_per_1k), read.currency) == ("0.3", "USD")
    assert read.effective_at == NOON
    assert read.effective_at.utcoffset() == timedelta(0)
    assert (catalogued.is_deprecated, catalogued.is_listed) == (False, True)
    assert catalogued.created_at.tzinfo is not None


def test_decimals_rest_as_digits_in_sqlite(tmp_path: Path) -> None:
    store = migrating.open_store(_locations(tmp_path), {})
    _write(store, _model(), _price())
    with store.reading() as session:
        stored = session.execute(
            text("SELECT typeof(input_per_1k), input_per_1k FROM model_pricing")
        ).one()
    store.close()
    assert tuple(stored) == ("text", "0.0000435")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_a_plain_decimal_is_the_same_number_however_it_is_written(value: Decimal) -> None:
    plain = plain_decimal(value)
    assert plain == value
    assert str(plain) == str(plain_decimal(Decimal(f"{value:f}00")))


def test_an_unknown_version_counts_as_one(store: EvidenceStore) -> None:
    _write(store, _model(), _benchmark(), _benchmark(dataset_version="2026-08"))
    with pytest.raises(EvidenceStoreError):
        _write(store, _benchmark(score=Decimal("0.2")))


def test_evidence_is_of_a_model_in_the_catalogue(store: EvidenceStore) -> None:
    with pytest.raises(EvidenceStoreError):
        _write(store, _price(model_id="laboratory/unheard-of"))


def test_a_failure_in_the_middle_writes_nothing(store: EvidenceStore) -> None:
    with pytest.raises(EvidenceStoreError):
        _write(store, _model(), _price(), _price())
    with store.reading() as session:
        assert session.scalars(select(CatalogModel)).all() == []


def test_events_are_only_added_to(store: EvidenceStore) -> None:
    with store.writing() as session:
        session.execute(
            text(
                "INSERT INTO model_recommendations (dedupe_hash, created_at, status, use_case, "
                "current_model, recommended_model, reasoning, confidence, evidence) VALUES "
                "('a', '2026-11-21 12:00:00', 'proposed', 'u', 'a', 'b', 'r', '0.6', '{}')"
            )
        )
        session.add(
            RecommendationEvent(
                recommendation_id=1, happened_at=NOON, to_status="proposed", decided_by="llmrec"
            )
        )
    for change in (
        "UPDATE recommendation_events SET why = 'x'",
        "DELETE FROM recommendation_events",
    ):
        with pytest.raises(EvidenceStoreError, match="only added to"), store.writing() as session:
            session.execute(text(change))


_WRITER = """
import sys
from sqlalchemy import select
from pathlib import Path
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.models import CatalogModel
url, folder = sys.argv[1:]
place = Locations(data=Path(folder), config=Path(folder), offline=True)
store = migrating.open_store(place, {"DATABASE_URL": url})
for _ in range(40):
    with store.writing() as session:
        row = session.scalars(select(CatalogModel)).one()
        row.context_window_tokens += 1
"""


def test_two_processes_that_write_at_once_lose_nothing(
    store: EvidenceStore, database_url: str, tmp_path: Path
) -> None:
    with store.writing() as session:
        row = _model()
        row.context_window_tokens = 0
        session.add(row)
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, database_url, str(tmp_path)])
        for _ in range(2)
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with store.reading() as session:
        assert session.scalars(select(CatalogModel)).one().context_window_tokens == 80


_SLOW_WRITER = """
import sys, time
from pathlib import Path
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.models import CatalogModel
url, folder = sys.argv[1:]
place = Locations(data=Path(folder), config=Path(folder), offline=True)
store = migrating.open_store(place, {"DATABASE_URL": url})
with store.writing() as session:
    for number in range(100):
        key = f"laboratory/half-{number}"
        session.add(
            CatalogModel(model_id=key, provider="laboratory", family="half", display_name=key)
        )
    session.flush()
    print("written", flush=True)
    time.sleep(600)
"""


def test_a_writer_that_is_killed_leaves_nothing_behind(
    store: EvidenceStore, database_url: str, tmp_path: Path
) -> None:
    _write(store, _model())
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW_WRITER, database_url, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "written\n"
        writer.kill()
    _write(store, _model("laboratory/invented-2"))
    with store.reading() as session:
        assert set(session.scalars(select(CatalogModel.model_id))) == {
            "laboratory/invented-1",
            "laboratory/invented-2",
        }
    assert migrating.differences(store) == []


def test_the_embedded_store_migrates_itself_and_postgresql_does_not(
    postgresql_url: str, tmp_path: Path
) -> None:
    embedded = migrating.open_store(_locations(tmp_path / "fresh"), {})
    assert embedded.address.is_embedded
    assert migrating.current(embedded) == migrating.head()
    assert (tmp_path / "fresh" / "evidence.sqlite3").is_file()
    embedded.close()
    with pytest.raises(EvidenceStoreError, match="run `llmrec db upgrade`"):
        migrating.open_store(_locations(tmp_path), {"DATABASE_URL": postgresql_url})


def test_a_store_in_memory_is_accepted(tmp_path: Path) -> None:
    store = migrating.open_store(_locations(tmp_path), {"DATABASE_URL": "sqlite://"})
    _write(store, _model())
    with store.reading() as session:
        assert session.scalars(select(CatalogModel.model_id)).all() == ["laboratory/invented-1"]
    store.close()


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"LLMREC_ENV": "production"}, "DATABASE_URL: missing"),
        (
            {"LLMREC_ENV": "production", "DATABASE_URL": "sqlite:///x.sqlite3"},
            "SQLite is not allowed",
        ),
        ({"LLMREC_ENV": "production", "DATABASE_URL": "sqlite://"}, "SQLite is not allowed"),
        ({"LLMREC_ENV": "prod"}, "'prod' is not allowed"),
        ({"DATABASE_URL": f"mysql://me:{SECRET}@host/name"}, "'mysql' is not supported"),
        ({"DATABASE_URL": f"postgresql//me:{SECRET}@host/name"}, "is no database URL"),
        ({"DATABASE_URL": f"postgresql://me:{SECRET}@host:port/name"}, "is no database URL"),
        ({"DATABASE_URL": f"postgresql://me:a@{SECRET}@host/name"}, "more than one @"),
        ({"DATABASE_URL": f"postgresql://me:a@b/{SECRET}@host/name"}, "more than one @"),
    ],
)
def test_a_database_that_is_not_allowed_is_refused(
    environment: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        store_address(_locations(tmp_path), environment)
    assert told in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_one(scheme: str, tmp_path: Path) -> None:
    environment = {
        "LLMREC_ENV": "production",
        "DATABASE_URL": f"{scheme}://me:{SECRET}@db.example.org:5433/llmrec?password={SECRET}",
    }
    address = store_address(_locations(tmp_path), environment)
    assert address.url.drivername == "postgresql+psycopg"
    assert address.shown == "PostgreSQL llmrec on db.example.org:5433"


def test_a_server_that_does_not_answer_is_told_in_one_line(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"postgresql://me:{SECRET}@127.0.0.1:1/llmrec"}
    with pytest.raises(EvidenceStoreError) as refused:
        migrating.open_store(_locations(tmp_path), environment)
    assert len(str(refused.value).splitlines()) == 1
    assert SECRET not in str(refused.value)


def test_a_table_that_is_not_there_is_told_with_the_remedy(store: EvidenceStore) -> None:
    migrating.downgrade(store, "base")
    with pytest.raises(EvidenceStoreError, match="run `llmrec db upgrade`"):
        _write(store, _model())


def test_a_database_that_is_not_there_is_no_matter_of_migrating(
    postgresql_url: str, tmp_path: Path
) -> None:
    elsewhere = (
        make_url(postgresql_url).set(database="nowhere").render_as_string(hide_password=False)
    )
    with pytest.raises(EvidenceStoreError, match=r'database "nowhere" does not exist$'):
        migrating.open_store(_locations(tmp_path), {"DATABASE_URL": elsewhere})
