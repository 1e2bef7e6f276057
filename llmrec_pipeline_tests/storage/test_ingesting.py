"""Catalogue, prices and benchmarks in the evidence store, on both databases."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from llmrec_pipeline.domain.catalogue import Catalogue
from llmrec_pipeline.storage.evidence_store.ingesting import Counts, Ingested, ingest
from llmrec_pipeline.storage.evidence_store.models import CatalogModel, ModelBenchmark, ModelPricing
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline_tests.storage.evidence_rows import (
    DAY,
    START,
    benchmark,
    catalogue_of,
    model,
    price,
)

ONE = "laboratory/invented-1"


def _ingest(store: EvidenceStore, told: Catalogue, day: int = 0) -> Ingested:
    with store.writing() as session:
        return ingest(session, told, START + day * DAY)


def test_the_same_again_changes_nothing(store: EvidenceStore) -> None:
    told = catalogue_of(model(ONE), price(ONE, "0.30"), benchmark(ONE, "0.5"))
    assert _ingest(store, told) == Ingested(*[Counts(1, 1, 0)] * 3)
    assert _ingest(store, told, day=1) == Ingested(*[Counts(1, 0, 0)] * 3)
    with store.reading() as session:
        assert session.scalars(select(CatalogModel)).one().updated_at == START


def test_a_price_has_a_row_for_every_change(store: EvidenceStore) -> None:
    days = ["0.3", "0.30", "0.2", "0.2", "0.3"]
    for day, told in enumerate(days):
        _ingest(store, catalogue_of(model(ONE), price(ONE, told, effective_at=START + day * DAY)))
    with store.reading() as session:
        rows = session.scalars(select(ModelPricing).order_by(ModelPricing.effective_at)).all()
    assert [((row.effective_at - START).days, row.input_per_1k) for row in rows] == [
        (0, Decimal("0.3")),
        (2, Decimal("0.2")),
        (4, Decimal("0.3")),
    ]


def test_a_price_of_a_day_that_is_known_is_corrected(store: EvidenceStore) -> None:
    _ingest(store, catalogue_of(model(ONE), price(ONE, "0.3")))
    done = _ingest(store, catalogue_of(model(ONE), price(ONE, "0.4")))
    assert done.prices == Counts(1, 0, 1)
    with store.reading() as session:
        assert session.scalars(select(ModelPricing)).one().input_per_1k == Decimal("0.4")


def test_each_source_has_a_history_of_its_own(store: EvidenceStore) -> None:
    prices = [price(ONE, "0.3"), price(ONE, "0.3", source="another", effective_at=START + DAY)]
    assert _ingest(store, catalogue_of(model(ONE), *prices)).prices == Counts(2, 2, 0)


def test_what_is_told_of_a_model_is_brought_up_to_date(store: EvidenceStore) -> None:
    _ingest(store, catalogue_of(model(ONE)))
    done = _ingest(store, catalogue_of(model(ONE, is_deprecated=True, is_listed=False)), day=2)
    assert done.models == Counts(1, 0, 1)
    with store.reading() as session:
        row = session.scalars(select(CatalogModel)).one()
    assert (row.is_deprecated, row.is_listed) == (True, False)
    assert (row.created_at, row.updated_at) == (START, START + 2 * DAY)


def test_a_new_version_of_a_benchmark_stands_beside_the_old(store: EvidenceStore) -> None:
    _ingest(store, catalogue_of(model(ONE), benchmark(ONE, "0.5")))
    done = _ingest(
        store,
        catalogue_of(
            model(ONE), benchmark(ONE, "0.6"), benchmark(ONE, "0.4", dataset_version="2026-09")
        ),
    )
    assert done.benchmarks == Counts(2, 1, 1)
    with store.reading() as session:
        rows = session.scalars(select(ModelBenchmark).order_by(ModelBenchmark.id)).all()
    assert [(row.dataset_version, row.score) for row in rows] == [
        (None, Decimal("0.6")),
        ("2026-09", Decimal("0.4")),
    ]
