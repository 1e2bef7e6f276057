"""Artificial Analysis: quality indices, median speed and price of each variant.

The current route is paginated and names its index version; the legacy shape (raw files and
mirrors) is one page, names no version and writes missing as 0. Values are the user's own to keep,
never to be redistributed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS
from llmrec_pipeline.settings import FieldRule, SourceSettings
from llmrec_pipeline.sources.cells import (
    PRICES,
    CellReader,
    asked_url,
    get,
    load_json,
    require_paths,
    same_as,
    settle_prices,
    text,
)
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, PullFailed, RawPage

PARSER_VERSION = "2"
_INDEX = "artificial_analysis_"


def fetch(http: PublisherClient, settings: SourceSettings) -> list[RawPage]:
    """Every page until `has_more` is false. A page that cannot be read, is empty or repeats the one
    before ends the paging, and parsing says what is wrong with it. Raises
    PullFailed, also beyond `max_pages`."""
    pages: list[RawPage] = []
    for number in range(1, settings.max_pages + 1):
        page = http.get(f"page-{number:03d}.json", params={"page": number})
        repeats = bool(pages) and page.body == pages[-1].body
        pages.append(page)
        try:
            envelope = _envelope(page)
        except InvalidStructure:
            return pages
        if repeats or not envelope["data"] or get(envelope, "pagination.has_more") is not True:
            return pages
    raise PullFailed(f"more than {settings.max_pages} pages; raise max_pages in sources.yaml")


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """Models of all pages; both shapes. Raises InvalidStructure."""
    if not pages:
        raise InvalidStructure("no pages")
    envelopes = [_envelope(page) for page in pages]
    if get(envelopes[-1], "pagination.has_more") is True:
        raise InvalidStructure(
            f"page {len(envelopes)} says that more follow; the pull is cut short"
        )
    records = [record for envelope in envelopes for record in envelope["data"]]
    if not records:
        raise InvalidStructure("data: no models")
    version = _version(envelopes)
    legacy = version is None
    require_paths(records, settings.legacy_required if legacy else settings.required, "data")
    rules = settings.legacy_fields if legacy else settings.fields
    column_at = {rule.path: column for column, rule in rules.items()}
    zero_is_price = _leaves_prices_empty(records, rules)
    cells = CellReader(rules)
    url = asked_url(pages[0])
    models: dict[str, dict[str, Any]] = {}
    benchmarks: list[dict[str, Any]] = []
    for record in records:
        source_model_id = cells.see("source_model_id", text(get(record, "id")))
        name = cells.see("model_name", text(get(record, "name")))
        # A model listed on two pages moved while we turned them: the first is as good.
        if source_model_id is None or name is None or source_model_id in models:
            continue
        row = _settled(cells.read(record), zero_is_price=zero_is_price)
        models[source_model_id] = {
            "source_model_id": source_model_id,
            "model_name": name,
            "creator": text(get(record, "model_creator.name")),
            "same_as": same_as(record, settings.same_as),
            **row,
            "index_version": version,
            "source_url": url,
        }
        for benchmark, score in _scores(record, row, column_at, cells).items():
            is_index = benchmark.startswith(_INDEX)
            benchmarks.append(
                {
                    "source_model_id": source_model_id,
                    "benchmark_name": benchmark,
                    "category": "index" if is_index else "benchmark",
                    "score": score,
                    "unit": "index" if is_index else "fraction",
                    "index_version": version if is_index else None,
                    "verified": True,
                    "source_url": url,
                }
            )
    cells.require_mostly_good(settings.max_bad_share)
    if not models:
        raise InvalidStructure("data: no model has an id and a name")
    return ParsedPull(list(models.values()), benchmarks, cells.bad_values, version)


def _envelope(page: RawPage) -> dict[str, Any]:
    envelope = load_json(page)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("data"), list):
        raise InvalidStructure(f"{page.name}: no list named data")
    return envelope


def _version(envelopes: Sequence[Mapping[str, Any]]) -> str | None:
    """The index version that all pages name; None in the legacy shape, which has no pagination
    either."""
    versions = {_version_text(envelope.get("intelligence_index_version")) for envelope in envelopes}
    if len(versions) > 1:
        told = ", ".join(sorted(version or "none" for version in versions))
        raise InvalidStructure(f"pages of several index versions: {told}")
    version = versions.pop()
    if version is None and any("pagination" in envelope for envelope in envelopes):
        raise InvalidStructure("intelligence_index_version: missing; was it renamed?")
    return version


def _version_text(version: object) -> str | None:
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        return f"{version:.12g}" if math.isfinite(version) else None
    return text(version)


def _leaves_prices_empty(records: Sequence[object], rules: Mapping[str, FieldRule]) -> bool:
    """Whether this pull writes a price that it does not know as null: then its zeros are prices."""
    return any(
        get(record, rules[column].path) is None
        for record in records
        for column in PRICES
        if column in rules
    )


def _settled(row: dict[str, Any], *, zero_is_price: bool) -> dict[str, Any]:
    """Zero prices mean free only where the pull writes unknown otherwise and somebody serves the
    model, that is where its speed was measured; elsewhere the price is unknown."""
    is_served = row.get("output_tokens_per_s") is not None
    return settle_prices(row, zero_is_price=zero_is_price and is_served)


def _scores(
    record: object, row: Mapping[str, Any], column_at: Mapping[str, str], cells: CellReader
) -> dict[str, float]:
    """Every evaluation that is a number: an open map, whose names come and go. What is no value in
    its column is none here."""
    evaluations = get(record, "evaluations")
    scores: dict[str, float] = {}
    for key, value in evaluations.items() if isinstance(evaluations, Mapping) else ():
        name, column = text(key), column_at.get(f"evaluations.{key}")
        if name is None or (column is not None and row[column] is None):
            continue
        score = cells.optional_number(BENCHMARK_RESULTS["score"], value)
        if score is not None:
            scores[name] = score
    return scores
