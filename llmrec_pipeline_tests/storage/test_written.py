"""What people wrote: its watermark moves with it and with nothing else, on both databases."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from llmrec_pipeline.domain.assessment import assess
from llmrec_pipeline.domain.records import (
    DECISIONS,
    MANUAL_BENCHMARKS,
    MODEL_RECOMMENDATIONS,
    MODEL_RUNTIME_STATS,
)
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.evidence_store.ingesting import ingest
from llmrec_pipeline.storage.evidence_store.models import ModelBenchmark, ModelRuntimeStats
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.recommendations import decide, find, propose
from llmrec_pipeline.storage.evidence_store.subjects import read_subjects
from llmrec_pipeline.storage.evidence_store.written_rows import export_written, present_watermarks
from llmrec_pipeline.storage.written import (
    NOTHING,
    DamagedExport,
    Watermark,
    exported_watermarks,
    in_inputs,
    read_records,
    read_written,
)
from llmrec_pipeline_tests.storage.evidence_rows import (
    START,
    benchmark,
    catalogue_of,
    model,
    price,
)

OLD, NEW = "laboratory/line-1", "laboratory/line-2"
OWN = benchmark(NEW, "0.25", benchmark_name="our-evals", source="us")
PULLED = benchmark(NEW, "0.6", source="lmarena")


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return load_settings({"LLMREC_DATA_DIR": str(tmp_path / "data")})


def test_only_what_people_write_moves_the_watermark(
    store: EvidenceStore, settings: Settings
) -> None:
    with store.writing() as session:
        told = (model(OLD), model(NEW), price(OLD, "1"), price(NEW, "1"), PULLED)
        ingest(session, catalogue_of(*told), START)
        session.flush()
        subjects = read_subjects(session, START, {}.get)
        found = assess("builder_low", subjects[OLD], subjects[NEW], settings.advice)
        number = propose(session, "builder_low", found, settings.advice, START).id
    assert present_watermarks(settings) == NOTHING

    with store.writing() as session:
        decide(session, find(session, number), "rejected", "ana", "too new", START)
    decision = {
        "id": 2,
        "recommendation_id": number,
        "use_case": "builder_low",
        "current_model": OLD,
        "recommended_model": NEW,
        "status": "rejected",
        "decided_at": START,
    }
    decided = {**NOTHING, DECISIONS.name: Watermark.of([decision])}
    assert present_watermarks(settings) == decided

    with store.writing() as session:
        ingest(session, catalogue_of(OWN, replace(PULLED, score=Decimal("0.7"))), START)
    scored = present_watermarks(settings)
    assert scored[DECISIONS.name] == decided[DECISIONS.name]
    assert scored[MANUAL_BENCHMARKS.name] != NOTHING[MANUAL_BENCHMARKS.name]

    folder = settings.locations.evidence
    assert exported_watermarks(folder) == NOTHING
    assert export_written(settings) == scored == exported_watermarks(folder)
    marks = in_inputs(scored)
    assert read_written(folder, DECISIONS, marks[DECISIONS.name]).to_dicts() == [decision]
    own = read_written(folder, MANUAL_BENCHMARKS, marks[MANUAL_BENCHMARKS.name])
    assert own.select("model_id", "score", "source").rows() == [(NEW, 0.25, "us")]

    # The pipeline's own records lie beside, and move no watermark.
    (advice,) = read_records(folder, MODEL_RECOMMENDATIONS).to_dicts()
    assert (advice["id"], advice["status"], advice["use_case"]) == (
        number,
        "rejected",
        "builder_low",
    )
    assert json.loads(advice["evidence_counts"])["pricing"] == 2
    assert advice["monthly_delta_usd"] is None
    exported = folder / f"{MODEL_RECOMMENDATIONS.name}.parquet"
    read_records(folder, MODEL_RECOMMENDATIONS).drop("monthly_delta_usd").write_parquet(exported)
    assert read_records(folder, MODEL_RECOMMENDATIONS).to_dicts() == [advice]
    assert read_records(folder, MODEL_RUNTIME_STATS).is_empty()
    with store.writing() as session:
        for days, calls in ((60, 5), (30, 7), (30, 0)):
            session.add(_calls(START - timedelta(days=days), calls))
    assert export_written(settings) == scored
    (calls,) = read_records(folder, MODEL_RUNTIME_STATS).to_dicts()
    assert (calls["calls"], calls["est_cost_usd"]) == (7, 1.5)

    # A correction leaves the greatest id as it was.
    with store.writing() as session:
        session.scalars(
            select(ModelBenchmark).where(ModelBenchmark.source == "us")
        ).one().score = Decimal("0.5")
    export_written(settings)
    again = exported_watermarks(folder)[MANUAL_BENCHMARKS.name]
    assert again.last_id == scored[MANUAL_BENCHMARKS.name].last_id
    assert again != scored[MANUAL_BENCHMARKS.name]
    # Whoever has read the earlier watermark still reads what stood behind it.
    assert read_written(folder, MANUAL_BENCHMARKS, marks[MANUAL_BENCHMARKS.name]).equals(own)


def _calls(since: datetime, calls: int) -> ModelRuntimeStats:
    return ModelRuntimeStats(
        window_start=since,
        window_end=since + timedelta(days=30),
        provider="laboratory",
        model=OLD,
        role=f"role of {calls}",
        calls=calls,
        total_tokens=1000,
        est_cost_usd=Decimal("1.5"),
    )


def test_a_damaged_export_is_refused_and_written_anew(
    store: EvidenceStore, settings: Settings
) -> None:
    with store.writing() as session:
        ingest(session, catalogue_of(model(NEW), OWN), START)
    marks = export_written(settings)
    folder = settings.locations.evidence
    mark = in_inputs(marks)[MANUAL_BENCHMARKS.name]
    path = folder / MANUAL_BENCHMARKS.name / marks[MANUAL_BENCHMARKS.name].file_name
    whole, sound = path.read_bytes(), read_written(folder, MANUAL_BENCHMARKS, mark)
    for place in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        with suppress(DamagedExport):
            assert read_written(folder, MANUAL_BENCHMARKS, mark).equals(sound)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedExport, match=path.name):
        read_written(folder, MANUAL_BENCHMARKS, mark)
    export_written(settings)
    assert read_written(folder, MANUAL_BENCHMARKS, mark).equals(sound)
    record = folder / f"{MODEL_RECOMMENDATIONS.name}.parquet"
    record.write_bytes(b"PAR1")
    with pytest.raises(DamagedExport, match=record.name):
        read_records(folder, MODEL_RECOMMENDATIONS)


def test_a_store_that_nobody_uses_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = load_settings({"LLMREC_DATA_DIR": str(tmp_path)})
    assert export_written(settings) == NOTHING
    assert not (tmp_path / "evidence.sqlite3").exists()
    assert read_records(settings.locations.evidence, MODEL_RECOMMENDATIONS).is_empty()
    (settings.locations.evidence / "watermarks.json").write_text("{", "utf-8")
    assert exported_watermarks(settings.locations.evidence) == NOTHING


@given(st.lists(st.integers(1, 50), unique=True), st.randoms())
def test_a_watermark_is_the_same_in_any_order(ids: list[int], dice: object) -> None:
    rows = [{"id": number, "decided_at": START} for number in ids]
    shuffled = rows.copy()
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Watermark.of(shuffled) == Watermark.of(rows)
    if rows:
        assert Watermark.of(rows[1:]) != Watermark.of(rows)
