"""LLM-Stats: benchmark scores that creators report of their own models, and some that were
verified.

Scores land long only. Attribution is required and redistribution is not granted, so nothing of it
is bundled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS
from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
    CellReader,
    asked_url,
    get,
    load_json,
    require_paths,
    text,
)
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, PullFailed, RawPage

PARSER_VERSION = "1"
_PAGE_SIZE = 500
_NO_CATEGORY = "uncategorised"


def fetch(http: PublisherClient, settings: SourceSettings) -> list[RawPage]:
    """Every page until there is no further cursor. A page that cannot be read, is empty or comes
    with a cursor that was followed before ends the paging, and parsing says what is wrong. Raises
    PullFailed, also beyond `max_pages`."""
    pages: list[RawPage] = []
    cursor: str | None = None
    followed: set[str | None] = set()
    for number in range(1, settings.max_pages + 1):
        asked: dict[str, str | int] = {"limit": _PAGE_SIZE}
        if cursor is not None:
            asked["cursor"] = cursor
        pages.append(http.get(f"scores-{number:03d}.json", params=asked))
        followed.add(cursor)
        try:
            envelope = _envelope(pages[-1])
        except InvalidStructure:
            return pages
        cursor = _next_cursor(envelope)
        if cursor is None or cursor in followed or not envelope["scores"]:
            return pages
    raise PullFailed(f"more than {settings.max_pages} pages; raise max_pages in sources.yaml")


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """A model row for each model that has a score, and one benchmark row for each model, benchmark
    and category: the verified score if there is one, then the one scored last, then the highest.
    Raises InvalidStructure."""
    if not pages:
        raise InvalidStructure("no pages")
    envelopes = [_envelope(page) for page in pages]
    if _next_cursor(envelopes[-1]) is not None:
        raise InvalidStructure(
            f"page {len(envelopes)} says that more follow; the pull is cut short"
        )
    records = [record for envelope in envelopes for record in envelope["scores"]]
    if not records:
        raise InvalidStructure("scores: no scores")
    require_paths(records, settings.required, "scores")
    cells = CellReader({})
    url = asked_url(pages[0])
    models: dict[str, dict[str, Any]] = {}
    best: dict[tuple[str, str, str], tuple[tuple[bool, str, float], dict[str, Any]]] = {}
    for record in sorted(records, key=_place):
        model_id = cells.see("source_model_id", text(get(record, "model_id")))
        benchmark = cells.see("benchmark_name", text(get(record, "benchmark_id")))
        if model_id is None or benchmark is None:
            continue
        model = models.setdefault(model_id, {"source_model_id": model_id, "source_url": url})
        _describe(model, record)
        score, unit = _score(cells, record)
        if score is None:
            continue
        category = text(get(record, "category")) or _NO_CATEGORY
        verified = get(record, "verified") is True and get(record, "is_self_reported") is not True
        rank = (verified, text(get(record, "scored_at")) or "", score)
        if (known := best.get((model_id, benchmark, category))) is None or rank > known[0]:
            row = {
                "source_model_id": model_id,
                "benchmark_name": benchmark,
                "category": category,
                "score": score,
                "unit": unit,
                "verified": verified,
                "source_url": url,
            }
            best[model_id, benchmark, category] = (rank, row)
    cells.require_mostly_good(settings.max_bad_share)
    if not models:
        raise InvalidStructure("scores: no row names a model and a benchmark")
    for model in models.values():
        model.setdefault("model_name", model["source_model_id"])
    return ParsedPull(list(models.values()), [row for _, row in best.values()], cells.bad_values)


def _envelope(page: RawPage) -> dict[str, Any]:
    envelope = load_json(page)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("scores"), list):
        raise InvalidStructure(f"{page.name}: no list named scores; was it renamed?")
    return envelope


def _next_cursor(envelope: Mapping[str, Any]) -> str | None:
    cursor = envelope.get("next_cursor")
    return cursor if isinstance(cursor, str) and cursor else None


def _place(record: object) -> list[str]:
    """Where a record stands in whatever order the records came."""
    names = ("model_id", "benchmark_id", "category", "scored_at", "score", "model_name")
    return [str(get(record, name)) for name in names]


def _describe(model: dict[str, Any], record: object) -> None:
    for column, field in (("model_name", "model_name"), ("creator", "organization")):
        if (told := text(get(record, field))) is not None:
            model.setdefault(column, told)


def _score(cells: CellReader, record: object) -> tuple[float | None, str]:
    """The share of the benchmark's maximum, as the publisher normalised it; where it did not, the
    score itself, in points of the benchmark unless it lies between 0 and 1."""
    column = BENCHMARK_RESULTS["score"]
    normalised = get(record, "normalized_score")
    if isinstance(normalised, (int, float)) and not isinstance(normalised, bool):
        cells.seen[column.name] += 1
        if 0 <= normalised <= 1:
            return float(normalised), "fraction"
        cells.bad[column.name] += 1
        return None, "fraction"
    raw = cells.optional_number(column, get(record, "score"))
    if raw is None:
        return None, "points"
    return float(raw), "fraction" if 0 <= raw <= 1 else "points"
