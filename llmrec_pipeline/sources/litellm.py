"""LiteLLM's price map: what each host sells under which id, gathered by hand. One row an offering."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
    CellReader,
    asked_url,
    get,
    load_json,
    require_paths,
    settle_prices,
    text,
    the_page,
)
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.price_tiers import TIER_PRICES, Tiers
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

PARSER_VERSION = "2"
# An entry that explains the fields.
_EXPLANATION = "sample_spec"
# The others embed, draw, speak, transcribe, search or moderate.
_TEXT_MODES = frozenset({"chat", "completion", "responses"})
# What a customer's own tuning of a model costs is no price of the model.
_FINE_TUNED = "ft:"
_ABOVE = re.compile(r"(.+)_above_(\d+)k_tokens")


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The one page; raises PullFailed."""
    return [http.get("model_prices_and_context_window.json")]


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """One row for each entry that writes text; `source_model_id` is its key, `host` the provider.
    Prices are those of the first tier. Raises InvalidStructure."""
    page = the_page(pages)
    entries = load_json(page)
    if not isinstance(entries, Mapping):
        raise InvalidStructure(f"{page.name}: not a mapping of models")
    skipped: Counter[str] = Counter()
    models: list[tuple[str, object]] = []
    for key, entry in entries.items():
        if key == _EXPLANATION:
            continue
        if isinstance(entry, Mapping) and str(entry.get("mode")) not in _TEXT_MODES:
            skipped["entries of other modes"] += 1
        elif key.rpartition("/")[2].startswith(_FINE_TUNED):
            skipped["fine-tuning tariffs"] += 1
        else:
            models.append((key, entry))
    if not models:
        raise InvalidStructure(f"{page.name}: no models")
    require_paths([entry for _, entry in models], settings.required, page.name)
    cells = CellReader(settings.fields)
    url = asked_url(page)
    today = page.received_at.date()
    rows: dict[str, dict[str, Any]] = {}
    for key, entry in models:
        source_model_id = cells.see("source_model_id", text(key))
        host = cells.see("host", text(get(entry, "litellm_provider")))
        if source_model_id is None or host is None or source_model_id in rows:
            continue
        rows[source_model_id] = {
            "source_model_id": source_model_id,
            "model_name": source_model_id,
            "host": host,
            **settle_prices(cells.read(_with_first_tier(entry))),
            "price_tiers": _tiers(entry, cells, settings),
            "is_deprecated": _is_over(get(entry, "deprecation_date"), today),
            "source_url": url,
        }
    cells.require_mostly_good(settings.max_bad_share)
    if not rows:
        raise InvalidStructure(f"{page.name}: no model has a key and a provider")
    return ParsedPull(list(rows.values()), (), cells.bad_values, skipped=dict(skipped))


def _is_over(day: object, today: date) -> bool:
    """Whether the day of retirement has come; many are announced a year ahead."""
    try:
        return isinstance(day, str) and date.fromisoformat(day[:10]) <= today
    except ValueError:
        return False


def _ranges(entry: object) -> list[Any]:
    """The prices by length of an entry that lists them, shortest first."""
    listed = get(entry, "tiered_pricing")
    return (
        [tier for tier in listed if isinstance(tier, Mapping)] if isinstance(listed, list) else []
    )


def _with_first_tier(entry: object) -> object:
    """An entry that lists its prices by length has none of its own: those of the first count."""
    ranges = _ranges(entry)
    return {**ranges[0], **entry} if ranges and isinstance(entry, Mapping) else entry


def _tiers(entry: object, cells: CellReader, settings: SourceSettings) -> str | None:
    columns = {settings.fields[name].path: name for name in TIER_PRICES if name in settings.fields}
    tiers = Tiers(cells, settings.fields)
    for name, value in entry.items() if isinstance(entry, Mapping) else ():
        if (above := _ABOVE.fullmatch(str(name))) and above[1] in columns:
            tiers.add(int(above[2]) * 1000, columns[above[1]], value)
    for tier in _ranges(entry)[1:]:
        start = get(tier, "range")
        for path, column in columns.items():
            tiers.add(
                start[0] if isinstance(start, list) and start else None, column, get(tier, path)
            )
    return tiers.text()
