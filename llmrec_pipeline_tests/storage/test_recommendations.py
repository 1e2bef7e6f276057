"""Recommendations in the evidence store, on both databases."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from llmrec_pipeline.domain.advice import UPGRADE, Advice, advise
from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.advice_record import computed_again, figures
from llmrec_pipeline.domain.decisions import STATUSES
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.serving.upgrade_advice import AdviceQuestion, Unanswered, propose_each
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store.ingesting import ingest
from llmrec_pipeline.storage.evidence_store.models import (
    ModelBenchmark,
    ModelPricing,
    ModelRecommendation,
    ModelRuntimeStats,
    ModelSentimentSignal,
    RecommendationEvent,
)
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.recommendations import (
    all_of,
    changed_since,
    decide,
    events_of,
    find,
    implemented_last,
    propose,
)
from llmrec_pipeline.storage.evidence_store.subjects import read_subjects
from llmrec_pipeline_tests.storage.evidence_rows import (
    DAY,
    START,
    benchmark,
    catalogue_of,
    model,
    price,
)

NOW = START + 30 * DAY
OLD, NEW = "laboratory/line-1", "laboratory/line-2"
USE_CASE = "builder_low"


@pytest.fixture
def config() -> AdviceConfig:
    return load_settings({}).advice


@pytest.fixture
def filled(store: EvidenceStore) -> EvidenceStore:
    """A current model and a better one, with calls to both and a text about one."""
    told = catalogue_of(
        model(OLD),
        model(NEW),
        price(OLD, "0.002", "0.006"),
        price(NEW, "0.003", "0.009"),
        price(NEW, "0.004", "0.012", effective_at=NOW + DAY),
        benchmark(OLD, "0.5"),
        benchmark(NEW, "0.6"),
    )
    with store.writing() as session:
        ingest(session, told, NOW)
        for name, days, success in ((OLD, 30, "0.8"), ("second", 30, "0.9"), (OLD, 7, "0.1")):
            end = NOW if days == 30 else NOW - 10 * DAY
            session.add(
                ModelRuntimeStats(
                    window_start=end - timedelta(days=days),
                    window_end=end,
                    provider="laboratory",
                    model=name,
                    role="builder",
                    calls=100,
                    total_tokens=5_000_000_000,
                    success_rate=Decimal(success),
                    est_cost_usd=Decimal("0.80") if name == OLD else Decimal("1.08"),
                )
            )
        session.add(
            ModelSentimentSignal(
                model_id=NEW,
                source="blog",
                source_url="https://example.org/post",
                snippet="fine",
                sentiment="positive",
                retrieved_at=NOW,
            )
        )
    return store


def _advice(store: EvidenceStore, config: AdviceConfig) -> Advice:
    with store.reading() as session:
        subjects = read_subjects(session, NOW, {"second": NEW}.get)
    return advise(USE_CASE, subjects[OLD], list(subjects.values()), config)


def _propose(store: EvidenceStore, config: AdviceConfig, advice: Advice | None = None) -> int:
    (found,) = (advice or _advice(store, config)).candidates
    with store.writing() as session:
        return propose(session, USE_CASE, found, config, NOW).id


def _count(store: EvidenceStore, table: type) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_what_is_in_force_is_read(filled: EvidenceStore, config: AdviceConfig) -> None:
    advice = _advice(filled, config)
    assert advice.verdict == UPGRADE
    (found,) = advice.candidates
    # Price 1.5 times: 0.75; + 20 %: 1; 0.7 * (0.5 + 0.1 / 0.2) + 0.3 * 0.75 (0.012 beside 0.01);
    # one friendly text: 1.
    assert found.composite == Decimal("0.2625") + Decimal("0.4") + Decimal("0.185") + Decimal(
        "0.05"
    )
    assert found.candidate.price
    assert found.candidate.price.input_per_1k == Decimal("0.003")


def test_the_same_advice_is_stored_once(filled: EvidenceStore, config: AdviceConfig) -> None:
    assert _propose(filled, config) == _propose(filled, config)
    assert (_count(filled, ModelRecommendation), _count(filled, RecommendationEvent)) == (1, 1)
    with filled.reading() as session:
        (row,) = all_of(session)
    assert (row.status, row.created_at) == ("proposed", NOW)
    assert row.expected_cost_delta_pct == 50
    assert row.expected_quality_delta == Decimal("0.2")
    assert row.confidence == Decimal("0.9")
    assert {kind: len(ids) for kind, ids in row.evidence["rows"].items()} == {
        "pricing": 2,
        "benchmarks": 2,
        "runtime": 2,
        "sentiment": 1,
    }


def test_a_use_case_without_an_answer_costs_the_others_nothing(
    filled: EvidenceStore, tmp_path: Path
) -> None:
    settings = load_settings({"LLMREC_DATA_DIR": str(tmp_path)})
    team = ModelsConfig.model_validate(
        {
            "models": {"now": {"model_id": OLD}, "gone": {"model_id": "laboratory/unheard-of"}},
            "use_cases": {"a_bad_one": "gone", USE_CASE: "now"},
        }
    )
    questions = [*map(AdviceQuestion, team.by_use_case)]
    with filled.writing() as session:
        bad, good = propose_each(session, questions, team, settings, NOW)
    assert isinstance(bad, Unanswered)
    assert "laboratory/unheard-of is not in the catalogue" in bad.reason
    assert isinstance(good, Advice)
    assert (good.verdict, _count(filled, ModelRecommendation)) == (UPGRADE, 1)


@pytest.mark.parametrize("number", [0, -1, 9_999_999_999, 99_999_999_999_999_999_999])
def test_an_id_that_no_row_can_have_is_no_rows(filled: EvidenceStore, number: int) -> None:
    with filled.reading() as session, pytest.raises(RequestError, match=f"has the id {number};"):
        find(session, number)


def test_stored_json_has_one_order(filled: EvidenceStore, config: AdviceConfig) -> None:
    number = _propose(filled, config)
    with filled.reading() as session:
        stored = find(session, number).evidence
    assert list(stored) == sorted(stored)
    assert list(stored["rows"]) == ["benchmarks", "pricing", "runtime", "sentiment"]


def test_other_evidence_is_another_recommendation(
    filled: EvidenceStore, config: AdviceConfig
) -> None:
    first = _propose(filled, config)
    with filled.writing() as session:
        row = session.scalars(select(ModelBenchmark).where(ModelBenchmark.model_id == NEW)).one()
        row.score = Decimal("0.7")
    second = _propose(filled, config)
    assert second != first
    with filled.reading() as session:
        assert len(all_of(session)) == 2
        (latest,) = all_of(session, USE_CASE, latest=True)
        assert (latest.id, latest.expected_quality_delta) == (second, Decimal("0.4"))
        assert all_of(session, "auditor_low") == []


def test_it_is_computed_again_from_itself_whatever_has_changed(
    filled: EvidenceStore, config: AdviceConfig
) -> None:
    number = _propose(filled, config)
    with filled.reading() as session:
        assert changed_since(session, find(session, number), NOW) == []
        assert changed_since(session, find(session, number), NOW + DAY) == [
            f"{NEW}: price in force: input_per_1k was 0.003, is 0.004",
            f"{NEW}: price in force: output_per_1k was 0.009, is 0.012",
            f"{NEW}: price in force: effective_at was 2026-06-01T00:00:00Z, is "
            f"2026-07-02T00:00:00Z",
        ]
    with filled.writing() as session:
        session.scalars(
            select(ModelPricing).where(ModelPricing.model_id == OLD)
        ).one().input_per_1k = Decimal("9")
        session.scalars(select(ModelSentimentSignal)).one().sentiment = "negative"
        calls = select(ModelRuntimeStats).where(ModelRuntimeStats.model == "second")
        session.scalars(calls).one().success_rate = None
        session.add(
            ModelRuntimeStats(
                window_start=NOW,
                window_end=NOW + DAY,
                provider="laboratory",
                model=OLD,
                role="builder",
                calls=1,
                total_tokens=10,
            )
        )
    with filled.reading() as session:
        row = find(session, number)
        assert figures(computed_again(row.evidence)) == row.evidence["figures"]
        assert changed_since(session, row, NOW) == [
            f"{OLD}: price: input_per_1k was 0.002, is 9",
            f"{OLD}: calls are counted until 2026-07-02 now",
            f"{NEW}: calls as builder: the row says nothing any more",
            f"{NEW}: sentiment was relabelled",
        ]


def test_decisions_are_noted(filled: EvidenceStore, config: AdviceConfig) -> None:
    number = _propose(filled, config)
    with filled.writing() as session:
        decide(session, find(session, number), "accepted", "ana", "trial", NOW + DAY)
    with filled.reading() as session:
        last = events_of(session, number)[-1]
        assert find(session, number).status == "accepted"
    assert (last.from_status, last.to_status, last.decided_by, last.why, last.happened_at) == (
        "proposed",
        "accepted",
        "ana",
        "trial",
        NOW + DAY,
    )


def test_what_was_implemented_last_is_in_force(filled: EvidenceStore, config: AdviceConfig) -> None:
    first = _propose(filled, config)
    with filled.writing() as session:
        row = session.scalars(select(ModelBenchmark).where(ModelBenchmark.model_id == NEW)).one()
        row.score = Decimal("0.7")
    second = _propose(filled, config)
    for number in (second, first):
        with filled.writing() as session:
            assert implemented_last(session) == ({second} if number == first else set())
            for status in ("accepted", "implemented"):
                decide(session, find(session, number), status, "ana", None, NOW)
    with filled.reading() as session:
        assert implemented_last(session) == {first}


_ALLOWED = {
    ("proposed", "accepted"),
    ("proposed", "rejected"),
    ("accepted", "implemented"),
    ("accepted", "rejected"),
}


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_what_may_follow_what(before: str, after: str) -> None:
    row = ModelRecommendation(id=1, status=before)
    added: list[object] = []

    class Session:
        add = staticmethod(added.append)

    if (before, after) in _ALLOWED:
        decide(Session(), row, after, "ana", None, NOW)  # type: ignore[arg-type]
        assert (row.status, len(added)) == (after, 1)
    else:
        with pytest.raises(RequestError, match=f"it is {before}"):
            decide(Session(), row, after, "ana", None, NOW)  # type: ignore[arg-type]
        assert (row.status, added) == (before, [])
