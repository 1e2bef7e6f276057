"""What people write of models in the evidence store: entered once, and settled by people where a
text does not say which model it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.model_key import parse_key
from llmrec_pipeline.domain.model_mentions import ModelNames, ProseWords, dotted
from llmrec_pipeline.domain.sentiment import (
    ACCEPTED,
    LABEL_BY,
    OPEN,
    PERSON,
    REJECTED,
    SentimentReview,
    SentimentSignal,
)
from llmrec_pipeline.domain.sentiment_reading import Entry, SentimentReader
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.storage.evidence_store.ingesting import Counts, update
from llmrec_pipeline.storage.evidence_store.models import (
    CatalogModel,
    ModelSentimentReview,
    ModelSentimentSignal,
)
from llmrec_pipeline.storage.evidence_store.rows import row_of

# What a person may say otherwise of a text that is there.
_SAID = ("title", "snippet", "sentiment", "tags")
_NOTE = re.compile(r"\s*\([^)]*\)")


def ingest_sentiment_batch(session: Session, signals: Iterable[SentimentSignal]) -> Counts:
    """Enter signals by model and address; the same again changes nothing, and an analyser never
    takes a person's label back. Raises RequestError for a model that is not in the catalogue."""
    given = list(signals)
    told = _last_said(given)
    models = {signal.model_id for signal in told}
    require_models(session, models)
    heard = select(ModelSentimentSignal).where(ModelSentimentSignal.model_id.in_(models))
    known = {(row.model_id, row.source_url): row for row in session.scalars(heard)}
    new = changed = 0
    for signal in told:
        row = known.get((signal.model_id, signal.source_url))
        if row is None:
            session.add(ModelSentimentSignal(**asdict(signal)))
            new += 1
        elif _may_correct(row, signal) and update(row, {n: getattr(signal, n) for n in _SAID}):
            row.retrieved_at = signal.retrieved_at
            changed += 1
    session.flush()
    return Counts(len(given), new, changed)


def _last_said(signals: Iterable[SentimentSignal]) -> list[SentimentSignal]:
    """Of several on one model and address the last one that may correct those before it."""
    told: dict[tuple[str, str], SentimentSignal] = {}
    for signal in signals:
        place = signal.model_id, signal.source_url
        if place not in told or _may_correct(told[place], signal):
            told[place] = signal
    return list(told.values())


def _may_correct(row: ModelSentimentSignal | SentimentSignal, signal: SentimentSignal) -> bool:
    return PERSON in (signal.tags.get(LABEL_BY), None) or row.tags.get(LABEL_BY) != PERSON


def require_models(session: Session, model_ids: Iterable[str]) -> None:
    """Raises RequestError for one that is not in the catalogue."""
    known = set(session.scalars(select(CatalogModel.model_id)))
    for model_id in sorted(set(model_ids) - known):
        raise RequestError(f"{model_id} is not in the catalogue; run `llmrec intel ingest-catalog`")


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of texts: signals, texts for a person to settle, texts that name no model, and
    texts on other models than the one that was asked for."""

    signals: Counts
    reviews: Counts
    silent: int
    of_others: int


def enter_texts(
    session: Session, entries: Iterable[Entry], reader: SentimentReader, only: str | None = None
) -> Entered:
    """Enter what the texts say. `only`: of those that nobody told the model of, just those that may
    speak of this one. Raises RequestError for a model that is not in the catalogue, ValueError for
    an address that is none."""
    signals: list[SentimentSignal] = []
    reviews: list[SentimentReview] = []
    silent = of_others = 0
    for entry in entries:
        read = reader.read(entry)
        if read is None:
            silent += 1
        elif entry.model_id is None and only not in (None, *_models_of(read)):
            of_others += 1
        elif isinstance(read, SentimentSignal):
            signals.append(read)
        else:
            reviews.append(read)
    return Entered(
        ingest_sentiment_batch(session, signals), enter_reviews(session, reviews), silent, of_others
    )


def _models_of(read: SentimentSignal | SentimentReview) -> tuple[str, ...]:
    return (read.model_id,) if isinstance(read, SentimentSignal) else read.candidates


def enter_reviews(session: Session, reviews: Iterable[SentimentReview]) -> Counts:
    """Enter texts for a person to settle; one that is there stays as it is."""
    told = {review.source_url: review for review in reviews}
    known = set(session.scalars(select(ModelSentimentReview.source_url)))
    new = [review for url, review in told.items() if url not in known]
    for review in new:
        row = {**asdict(review), "candidates": list(review.candidates)}
        session.add(ModelSentimentReview(**row, status=OPEN))
    session.flush()
    return Counts(len(told), len(new), 0)


def open_reviews(session: Session) -> Sequence[ModelSentimentReview]:
    """What is to be settled, in the order in which it came."""
    rows = select(ModelSentimentReview).where(ModelSentimentReview.status == OPEN)
    return session.scalars(rows.order_by(ModelSentimentReview.id)).all()


def accept_review(
    session: Session, review_id: int, model_ids: Sequence[str], now: datetime
) -> ModelSentimentReview:
    """Enter the text as a signal of each of these models; raises RequestError."""
    row = _open_review(session, review_id)
    signal = SentimentSignal(
        model_id="",
        source=row.source,
        source_url=row.source_url,
        title=row.title,
        snippet=row.snippet,
        sentiment=row.sentiment,
        retrieved_at=row.retrieved_at,
        tags=row.tags,
    )
    ingest_sentiment_batch(session, [replace(signal, model_id=key) for key in model_ids])
    row.status, row.accepted_as, row.settled_at = ACCEPTED, list(model_ids), now
    return row


def reject_review(session: Session, review_id: int, now: datetime) -> ModelSentimentReview:
    """Settle that the text speaks of no model; raises RequestError."""
    row = _open_review(session, review_id)
    row.status, row.settled_at = REJECTED, now
    return row


def _open_review(session: Session, review_id: int) -> ModelSentimentReview:
    row = row_of(session, ModelSentimentReview, review_id)
    if row is None:
        raise RequestError(
            f"no text in review has the id {review_id}; see `llmrec intel review-sentiment`"
        )
    if row.status != OPEN:
        raise RequestError(f"review {review_id}: it is {row.status} already, which is final")
    return row


def sentiment_counts(session: Session) -> dict[str, int]:
    """How many signals there are of each sentiment, and how many texts wait."""
    label = ModelSentimentSignal.sentiment
    rows = session.execute(select(label, func.count()).group_by(label)).all()
    counts = sorted((sentiment, count) for sentiment, count in rows)
    return {**dict(counts), "in_review": len(open_reviews(session))}


def names_in_catalogue(
    session: Session, rules: IdentityRules, own_names: Mapping[str, str], prose: ProseWords
) -> ModelNames:
    """The names of the catalogue's models; `own_names` are the team's."""
    rows = session.execute(select(CatalogModel.model_id, CatalogModel.display_name)).all()
    known = {model_id for model_id, _ in rows}
    own = {name: model_id for name, model_id in own_names.items() if model_id in known}
    return ModelNames(rules, known, ((plain_name(name), key) for key, name in rows), own, prose)


def release_days(session: Session) -> dict[str, date]:
    """When the catalogue's models were released, where that is known."""
    rows = session.execute(select(CatalogModel.model_id, CatalogModel.released_at)).all()
    return {model_id: released.date() for model_id, released in rows if released is not None}


def phrases_of(session: Session, model_id: str, own_names: Mapping[str, str]) -> list[str]:
    """What one searches for to find texts on a model: its name as it is shown, and as it is
    written in code. Raises RequestError for one that is not in the catalogue."""
    row = session.get(CatalogModel, model_id)
    if row is None:
        require_models(session, [model_id])
        raise AssertionError("require_models raises for a model that is not there")
    base = parse_key(model_id).base
    own = [name for name, key in own_names.items() if key == model_id]
    phrases: dict[str, str] = {}
    for name in (plain_name(row.display_name), dotted(base), base, *own):
        # The search itself takes a dash for a blank, and no case.
        phrases.setdefault(name.lower().replace("-", " "), name)
    return list(phrases.values())


def plain_name(display_name: str) -> str:
    """A name without what stands in parentheses: "Claude Opus 4.5 (latest)"."""
    return _NOTE.sub("", display_name).strip() or display_name
