"""`llmrec intel ingest-sentiment` and `review-sentiment`: what people write of models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.sentiment import SENTIMENTS, plain_url
from llmrec_pipeline.domain.sentiment_config import SentimentConfig
from llmrec_pipeline.domain.sentiment_entries import Defaults, Rejected, read_entries, read_tags
from llmrec_pipeline.domain.sentiment_reading import Entry
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.serving.cli import OK, USAGE
from llmrec_pipeline.serving.cli.cataloguing import model_id_of
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store.models import ModelSentimentReview
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.sentiment import (
    Entered,
    accept_review,
    open_reviews,
    reject_review,
)
from llmrec_pipeline.storage.files import write_bytes
from llmrec_pipeline.storage.listening import Listener
from llmrec_pipeline.storage.sentiment_search import Found, search_config
from llmrec_pipeline.team_settings import load_team_settings

_REVIEW_COLUMNS = ("id", "source", "sentiment", "candidates", "reason", "snippet")


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be entered, as it was typed."""

    source: str
    model: str | None
    url: str | None = None
    snippet: str | None = None
    sentiment: str | None = None
    title: str | None = None
    tags: str | None = None
    limit: int | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of one call, and what could not be taken."""

    entries: Sequence[Entry]
    rejected: Sequence[Rejected] = ()
    found: Found | None = None


def ingest_sentiment(told: Told, wanted: Format | None) -> int:
    """Enter the texts and print what became of them; exit code 2 where a row was not taken."""
    listener = Listener(load_settings(), lambda: datetime.now(UTC))
    model_id = model_id_of(told.model, listener.team) if told.model else None
    _require_one_way(told, listener.config)
    with opened_store() as store:
        texts = _texts(told, model_id, listener, store)
        with store.writing() as session:
            entered = listener.enter(session, texts.entries, only=model_id)
    rejects = _write_rejects(told.file, texts.rejected)
    _tell(told, model_id, texts, entered, rejects, wanted)
    return USAGE if texts.rejected else OK


def _require_one_way(told: Told, config: SentimentConfig) -> None:
    """One text, a file, or a search: raises RequestError for none of them, or for two."""
    if told.source not in config.sources:
        allowed = ", ".join(config.sources)
        raise RequestError(f"--source {told.source!r} is not allowed; allowed: {allowed}")
    one_text = {
        "--url": told.url,
        "--snippet": told.snippet,
        "--sentiment": told.sentiment,
        "--title": told.title,
        "--tags": told.tags,
    }
    given = [flag for flag, value in one_text.items() if value is not None]
    ways = {"--limit": told.limit, "--from-file": told.file}
    others = [flag for flag, value in ways.items() if value is not None]
    if len(others) + bool(given) != 1:
        both = f"{' and '.join([*given[:1], *others])} exclude each other; " if others else ""
        raise RequestError(f"{both}give --url with --snippet, or --from-file, or --limit")
    if given and not (told.url and told.snippet and told.snippet.strip()):
        missing = "--snippet" if told.url else "--url"
        raise RequestError(f"{missing} is missing; an entry has --url and --snippet")
    if told.model is None and told.file is None:
        raise RequestError("--model is missing; only a file may name models itself")
    if told.limit is not None:
        search_config(config, told.source)
    if told.sentiment is not None and told.sentiment not in SENTIMENTS:
        allowed = ", ".join(SENTIMENTS)
        raise RequestError(f"--sentiment {told.sentiment!r} is not allowed; allowed: {allowed}")


def _texts(told: Told, model_id: str | None, listener: Listener, store: EvidenceStore) -> _Texts:
    """The texts, read or searched for before anything is written."""
    if told.file is not None:
        return _from_file(told.file, told.source, model_id, listener)
    if told.limit is not None:
        found = listener.search(store, told.source, str(model_id), told.limit)
        return _Texts(found.entries, found=found)
    return _Texts([_one_entry(told, model_id)])


def _one_entry(told: Told, model_id: str | None) -> Entry:
    try:
        plain_url(str(told.url))
        return Entry(
            source=told.source,
            url=str(told.url),
            text=str(told.snippet),
            title=told.title,
            sentiment=told.sentiment,
            tags=read_tags(told.tags or ""),
            model_id=model_id,
        )
    except ValueError as error:
        raise RequestError(str(error)) from None


def _from_file(file: Path, source: str, model_id: str | None, listener: Listener) -> _Texts:
    def model_of(name: str) -> str:
        try:
            return model_id_of(name, listener.team)
        except RequestError as error:
            raise ValueError(str(error)) from None

    defaults = Defaults(source, listener.config.sources, model_id, model_of)
    try:
        content = file.read_text("utf-8-sig")
        read = list(read_entries(file.name, content, defaults))
    except OSError as error:
        raise RequestError(f"--from-file {file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RequestError(f"--from-file {file}: is no text in UTF-8; convert it") from None
    except ValueError as error:
        raise RequestError(f"--from-file {file}: {error}") from None
    return _Texts(
        [entry for entry in read if isinstance(entry, Entry)],
        [entry for entry in read if isinstance(entry, Rejected)],
    )


def _write_rejects(file: Path | None, rejected: Sequence[Rejected]) -> Path | None:
    """The rows that were not taken, a JSON line each, beside their file."""
    if file is None or not rejected:
        return None
    path = file.with_name(f"{file.name}.rejected.jsonl")
    lines = (json.dumps(asdict(row), ensure_ascii=False, default=str) for row in rejected)
    # What is no character stays as JSON escapes it.
    write_bytes(path, "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace"))
    return path


def _tell(
    told: Told,
    model_id: str | None,
    texts: _Texts,
    entered: Entered,
    rejects: Path | None,
    wanted: Format | None,
) -> None:
    content = {
        "model_id": model_id,
        "source": told.source,
        "texts": len(texts.entries),
        **asdict(entered),
        "rejected": len(texts.rejected),
        "rejected_file": rejects and str(rejects),
        "requests": texts.found.requests if texts.found else 0,
        "stopped": texts.found.stopped if texts.found else None,
    }
    if chosen(wanted) is Format.JSON:
        print_json(content)
    else:
        say(
            f"{content['texts']} texts: {_counted(content['signals'])} signals, "
            f"{_counted(content['reviews'])} for review; {entered.silent} name no model, "
            f"{entered.of_others} speak of others, {len(texts.rejected)} rejected."
        )
    if texts.found and texts.found.stopped:
        note(f"llmrec: the search ended early: {texts.found.stopped}")
    if rejects is not None:
        first = texts.rejected[0]
        note(
            f"llmrec: {told.file}: {len(texts.rejected)} rows were not taken, the first is row "
            f"{first.place}: {first.reason}; all are in {rejects}"
        )


def _counted(counts: dict[str, int]) -> str:
    return f"{counts['told']} ({counts['new']} new, {counts['changed']} changed)"


def review_sentiment(
    accept: int | None, models: Sequence[str], reject: int | None, wanted: Format | None
) -> int:
    """List what waits, or settle one text and print it."""
    if accept is not None and reject is not None:
        raise RequestError("--accept and --reject exclude each other")
    if (accept is not None) != bool(models):
        raise RequestError("--accept and --model go together: which text speaks of which model")
    if accept is None and reject is None:
        with opened_store() as store, store.reading() as session:
            _print_reviews([_review(row) for row in open_reviews(session)], wanted)
        return OK
    model_ids = []
    if accept is not None:
        team = load_team_settings(load_settings().locations).models
        model_ids = list(dict.fromkeys(model_id_of(name, team) for name in models))
    with opened_store() as store, store.writing() as session:
        now = datetime.now(UTC)
        row = (
            reject_review(session, reject, now)
            if reject is not None
            else accept_review(session, int(accept or 0), model_ids, now)
        )
        told = _review(row)
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        said = f"it speaks of {', '.join(model_ids)}" if model_ids else "it speaks of no model"
        say(f"{told['id']}: {told['status']}: {said}.")
    return OK


def _print_reviews(rows: Sequence[dict[str, Any]], wanted: Format | None) -> None:
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        shown = [{**row, "candidates": ", ".join(row["candidates"])} for row in rows]
        print_table(shown, _REVIEW_COLUMNS)


def _review(row: ModelSentimentReview) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "source": row.source,
        "source_url": row.source_url,
        "title": row.title,
        "snippet": row.snippet,
        "sentiment": row.sentiment,
        "tags": row.tags,
        "candidates": row.candidates,
        "reason": row.reason,
        "accepted_as": row.accepted_as,
    }
