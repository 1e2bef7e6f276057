"""Signals and reviews in the evidence store, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.model_mentions import ProseWords
from llmrec_pipeline.domain.sentiment import SentimentReview, SentimentSignal
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store import ingest_sentiment_batch
from llmrec_pipeline.storage.evidence_store.ingesting import Counts, ingest
from llmrec_pipeline.storage.evidence_store.models import (
    ModelSentimentReview,
    ModelSentimentSignal,
)
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.sentiment import (
    accept_review,
    enter_reviews,
    names_in_catalogue,
    open_reviews,
    phrases_of,
    reject_review,
    sentiment_counts,
)
from llmrec_pipeline.storage.evidence_store.subjects import read_subjects
from llmrec_pipeline_tests.storage.evidence_rows import DAY, START, catalogue_of, model

ONE, TWO = "laboratory/invented-1", "laboratory/invented-2"
BY_WORDS, BY_PERSON = {"label_by": "lexicon_v1"}, {"label_by": "person", "topic": "coding"}


def _signal(model_id: str = ONE, **values: object) -> SentimentSignal:
    told = SentimentSignal(
        model_id=model_id,
        source="blog",
        source_url="https://example.org/1",
        title=None,
        snippet="It is good",
        sentiment="positive",
        retrieved_at=START,
        tags=BY_WORDS,
    )
    return replace(told, **values)  # type: ignore[arg-type]


def _review(number: int) -> SentimentReview:
    return SentimentReview(
        source="hn",
        source_url=f"https://example.org/{number}",
        title="T",
        snippet="One beats two",
        sentiment="mixed",
        retrieved_at=START,
        candidates=(ONE, TWO),
        reason="names several models",
        tags=BY_WORDS,
    )


@pytest.fixture
def stocked(store: EvidenceStore) -> EvidenceStore:
    with store.writing() as session:
        names = {ONE: "Invented 1 (latest)", TWO: "Invented 2"}
        ingest(session, catalogue_of(*(model(k, display_name=n) for k, n in names.items())), START)
    return store


def _ingest(store: EvidenceStore, *signals: SentimentSignal) -> Counts:
    with store.writing() as session:
        return ingest_sentiment_batch(session, signals)


def _rows(store: EvidenceStore) -> list[ModelSentimentSignal]:
    with store.reading() as session:
        rows = select(ModelSentimentSignal).order_by(ModelSentimentSignal.id)
        return list(session.scalars(rows))


def test_signals_are_entered_once_by_model_and_address(stocked: EvidenceStore) -> None:
    batch = (_signal(), _signal(TWO), _signal(), _signal(source_url="https://example.org/2"))
    assert _ingest(stocked, *batch) == Counts(4, 3, 0)
    assert _ingest(stocked, *batch) == Counts(4, 0, 0)
    assert [row.model_id for row in _rows(stocked)] == [ONE, TWO, ONE]


def test_of_several_signals_on_one_address_the_last_counts_and_a_persons_stays(
    stocked: EvidenceStore,
) -> None:
    batch = (
        _signal(snippet="first"),
        _signal(snippet="last"),
        _signal(TWO, snippet="a person's", tags=BY_PERSON),
        _signal(TWO, snippet="an analyser's"),
    )
    assert _ingest(stocked, *batch) == Counts(4, 2, 0)
    assert _ingest(stocked, *batch) == Counts(4, 0, 0)
    assert [row.snippet for row in _rows(stocked)] == ["last", "a person's"]


def test_a_person_corrects_a_label_and_an_analyser_never_takes_it_back(
    stocked: EvidenceStore,
) -> None:
    _ingest(stocked, _signal())
    by_person = _signal(sentiment="negative", tags=BY_PERSON, retrieved_at=START + DAY)
    assert _ingest(stocked, by_person) == Counts(1, 0, 1)
    assert _ingest(stocked, _signal(retrieved_at=START + 2 * DAY)) == Counts(1, 0, 0)
    (row,) = _rows(stocked)
    assert (row.sentiment, row.tags, row.retrieved_at) == ("negative", BY_PERSON, START + DAY)


def test_a_model_that_is_not_in_the_catalogue_is_refused_with_the_whole_batch(
    stocked: EvidenceStore,
) -> None:
    with pytest.raises(RequestError, match="laboratory/unheard-of is not in the catalogue"):
        _ingest(stocked, _signal(), _signal("laboratory/unheard-of"))
    assert _rows(stocked) == []


def test_advice_reads_the_signals(stocked: EvidenceStore) -> None:
    labels = ("positive", "positive", "mixed", "negative", "neutral")
    for number, label in enumerate(labels):
        _ingest(stocked, _signal(sentiment=label, source_url=f"https://example.org/{number}"))
    with stocked.reading() as session:
        subjects = read_subjects(session, START, lambda name: None)
        counts = sentiment_counts(session)
    heard = subjects[ONE].sentiment
    assert (heard.positive, heard.neutral, heard.mixed, heard.negative) == (2, 1, 1, 1)
    assert subjects[TWO].sentiment.n == 0
    assert counts == {"mixed": 1, "negative": 1, "neutral": 1, "positive": 2, "in_review": 0}


def test_a_review_is_settled_once_and_does_not_come_up_again(stocked: EvidenceStore) -> None:
    with stocked.writing() as session:
        assert enter_reviews(session, [_review(1), _review(2), _review(1)]) == Counts(2, 2, 0)
    with stocked.writing() as session:
        one, two = (row.id for row in open_reviews(session))
        accept_review(session, one, [ONE, TWO], START + DAY)
        reject_review(session, two, START + DAY)
    assert [(row.model_id, row.sentiment) for row in _rows(stocked)] == [
        (ONE, "mixed"),
        (TWO, "mixed"),
    ]
    with stocked.writing() as session:
        assert enter_reviews(session, [_review(1), _review(2)]) == Counts(2, 0, 0)
        assert open_reviews(session) == []
        for settle in (
            lambda: accept_review(session, two, [ONE], START),
            lambda: reject_review(session, one, START),
            lambda: reject_review(session, 99, START),
        ):
            with pytest.raises(RequestError, match=r"already|no text in review"):
                settle()
    with stocked.reading() as session:
        rows = session.scalars(select(ModelSentimentReview).order_by(ModelSentimentReview.id)).all()
    assert [(row.status, row.accepted_as, row.settled_at) for row in rows] == [
        ("accepted", [ONE, TWO], START + DAY),
        ("rejected", [], START + DAY),
    ]


def test_accepting_for_an_unknown_model_leaves_it_open(stocked: EvidenceStore) -> None:
    with stocked.writing() as session:
        enter_reviews(session, [_review(1)])
    with pytest.raises(RequestError, match="not in the catalogue"), stocked.writing() as session:
        accept_review(session, open_reviews(session)[0].id, ["laboratory/unheard-of"], START)
    with stocked.reading() as session:
        assert len(open_reviews(session)) == 1


def test_a_model_is_found_by_its_names(stocked: EvidenceStore) -> None:
    own = {"workhorse": ONE, "elsewhere": "laboratory/unheard-of"}
    with stocked.reading() as session:
        assert phrases_of(session, ONE, own) == ["Invented 1", "workhorse"]
        names = names_in_catalogue(
            session, IdentityRules(load_settings({}).identity), own, ProseWords()
        )
        with pytest.raises(RequestError, match="not in the catalogue"):
            phrases_of(session, "laboratory/unheard-of", own)
    assert [m.models for m in names.mentions("Invented 1, invented-2")] == [(ONE,), (TWO,)]
