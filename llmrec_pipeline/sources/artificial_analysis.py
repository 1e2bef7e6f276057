"""Artificial Analysis: quality indices, median speed and price of each variant.

The current route is paginated and names its index version; the legacy shape (raw files and
mirrors) is one page, names no version and writes missing as 0. Values are the user's own to keep,
never to be redistributed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
    CellReader,
    get,
    load_json,
    require_paths,
    settle_prices,
    text,
)
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, PullFailed, RawPage

PARSER_VERSION = "1"
_NOT_BENCHMARKS = "artificial_analysis_"


def fetch(http: PublisherClient, settings: SourceSettings) -> list[RawPage]:
    """Every page until `has_more` is false; a page that cannot be read ends the paging, and
    parsing says what is wrong with it."""
    pages = []
    for number in range(1, settings.max_pages + 1):
        page = http.get(f"page-{number:03d}.json", params={"page": number})
        pages.append(page)
        try:
            envelope = load_json(page)
        except InvalidStructure:
            return pages
        if get(envelope, "pagination.has_more") is not True:
            return pages
    raise PullFailed(f"more than {settings.max_pages} pages; raise max_pages in sources.yaml")


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """Models of all pages; both shapes. Raises InvalidStructure."""
    envelopes = [_envelope(page) for page in pages]
    _require_complete(envelopes)
    records = [record for envelope in envelopes for record in envelope["data"]]
    if not records:
        raise InvalidStructure("data: no models")
    versions = {str(version) for e in envelopes if (version := e.get("intelligence_index_version"))}
    if len(versions) > 1:
        raise InvalidStructure(f"pages of several index versions: {', '.join(sorted(versions))}")
    legacy = not versions and all("pagination" not in envelope for envelope in envelopes)
    require_paths(records, settings.legacy_required if legacy else settings.required, "data")
    cells = CellReader(settings.legacy_fields if legacy else settings.fields)
    version = versions.pop() if versions else None
    url = settings.base_url + settings.path
    models: dict[str, dict[str, Any]] = {}
    benchmarks = []
    for record in records:
        source_model_id, name = text(get(record, "id")), text(get(record, "name"))
        if source_model_id is None or name is None:
            cells.bad["source_model_id"] += 1
            continue
        # A model listed on two pages moved while we turned them: the first is as good.
        if source_model_id in models:
            continue
        row = _settled(cells.read(record))
        models[source_model_id] = {
            "source_model_id": source_model_id,
            "model_name": name,
            "creator": text(get(record, "model_creator.name")),
            **row,
            "index_version": version,
            "source_url": url,
        }
        benchmarks.extend(_benchmarks(record, source_model_id, version, url))
    cells.require_mostly_good(settings.max_bad_share)
    return ParsedPull(list(models.values()), benchmarks, dict(cells.bad), version)


def _settled(row: dict[str, Any]) -> dict[str, Any]:
    """Zero prices mean free only where somebody serves the model, that is where its speed was
    measured; elsewhere nobody sells it and the price is unknown."""
    if row.get("output_tokens_per_s") is None:
        for column in ("price_input_per_1m", "price_output_per_1m"):
            if row.get(column) == 0:
                row[column] = None
    return settle_prices(row)


def _envelope(page: RawPage) -> dict[str, Any]:
    envelope = load_json(page)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("data"), list):
        raise InvalidStructure(f"{page.name}: no list named data")
    return envelope


def _require_complete(envelopes: Sequence[Mapping[str, Any]]) -> None:
    if get(envelopes[-1], "pagination.has_more") is True:
        raise InvalidStructure(
            f"page {len(envelopes)} says that more follow; the pull is cut short"
        )


def _benchmarks(
    record: object, source_model_id: str, version: str | None, url: str
) -> list[dict[str, Any]]:
    evaluations = get(record, "evaluations")
    if not isinstance(evaluations, Mapping):
        return []
    rows = []
    for name, score in evaluations.items():
        if isinstance(score, bool) or not isinstance(score, (int, float)):
            continue
        is_index = name.startswith(_NOT_BENCHMARKS)
        rows.append(
            {
                "source_model_id": source_model_id,
                "benchmark_name": text(name) or "unnamed",
                "category": "index" if is_index else "benchmark",
                "score": float(score),
                "unit": "index" if is_index else "fraction",
                "index_version": version if is_index else None,
                "verified": True,
                "source_url": url,
            }
        )
    return rows
