"""OpenRouter: what it sells itself, at which price, with which limits. One row an offering."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
    BATCH,
    CellReader,
    asked_url,
    get,
    load_json,
    require_paths,
    same_as,
    settle_prices,
    text,
    the_page,
)
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

PARSER_VERSION = "2"
HOST = "openrouter"
_FREE = ":free"
_FIRST_DAY = date(2015, 1, 1)


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The one page; raises PullFailed."""
    return [http.get("models.json")]


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """One row for each model that writes text; `source_model_id` is its id there. Raises
    InvalidStructure."""
    page = the_page(pages)
    envelope = load_json(page)
    records = envelope.get("data") if isinstance(envelope, dict) else None
    if not isinstance(records, list) or not records:
        raise InvalidStructure(f"{page.name}: no list named data with models")
    require_paths(records, settings.required, page.name)
    cells = CellReader(settings.fields)
    url = asked_url(page)
    skipped: Counter[str] = Counter()
    rows: dict[str, dict[str, Any]] = {}
    for record in records:
        model_id = cells.see("source_model_id", text(get(record, "id")))
        if model_id is None or model_id in rows:
            continue
        if model_id.endswith(BATCH):
            skipped["batch tariffs"] += 1
            continue
        if not _writes_text(record):
            skipped["models without text output"] += 1
            continue
        rows[model_id] = {
            "source_model_id": model_id,
            "model_name": text(get(record, "name")) or model_id,
            "host": HOST,
            "same_as": same_as(record, settings.same_as),
            # Zero is a price only under a `:free` id. Elsewhere it stands for what is not sold by the
            # token, or for a preview whose price is to come.
            **settle_prices(cells.read(record), zero_is_price=model_id.endswith(_FREE)),
            "release_date": _day(cells, get(record, "created")),
            "is_deprecated": get(record, "expiration_date") is not None,
            "source_url": url,
        }
    cells.require_mostly_good(settings.max_bad_share)
    if not rows:
        raise InvalidStructure(f"{page.name}: no model has an id and writes text")
    return ParsedPull(list(rows.values()), (), cells.bad_values, skipped=dict(skipped))


def _writes_text(record: object) -> bool:
    written = get(record, "architecture.output_modalities")
    return not isinstance(written, list) or "text" in written


def _day(cells: CellReader, created: object) -> date | None:
    """The day since which the model is listed, from seconds since 1970."""
    if created is None:
        return None
    known = isinstance(created, (int, float)) and not isinstance(created, bool)
    try:
        day = datetime.fromtimestamp(float(str(created)), UTC).date() if known else None
    except (ValueError, OverflowError, OSError):
        day = None
    listed: date | None = cells.see("release_date", day if day and day >= _FIRST_DAY else None)
    return listed
