"""models.dev: what each host sells, at which price, with which limits. One row an offering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
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
from llmrec_pipeline.sources.price_tiers import TIER_PRICES, Tiers
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

PARSER_VERSION = "2"


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The one page; raises PullFailed."""
    return [http.get("api.json")]


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """One row for each model of each provider; `source_model_id` is `provider/model`. Raises
    InvalidStructure."""
    page = the_page(pages)
    catalogue = load_json(page)
    if not isinstance(catalogue, Mapping):
        raise InvalidStructure(f"{page.name}: not a mapping of providers")
    offers = [
        (provider_id, model_id, model)
        for provider_id, provider in catalogue.items()
        if isinstance(models := get(provider, "models"), Mapping)
        for model_id, model in models.items()
        if isinstance(model, Mapping)
    ]
    if not offers:
        raise InvalidStructure(f"{page.name}: no provider has models")
    require_paths([model for _, _, model in offers], settings.required, page.name)
    cells = CellReader(settings.fields)
    url = asked_url(page)
    rows: dict[str, dict[str, Any]] = {}
    for provider_id, model_id, model in offers:
        host, host_model_id = text(provider_id), text(model_id)
        source_model_id = f"{host}/{host_model_id}" if host and host_model_id else None
        cells.see("source_model_id", source_model_id)
        # Two spellings of one id are one offering: the first is as good.
        if source_model_id is None or source_model_id in rows:
            continue
        rows[source_model_id] = {
            "source_model_id": source_model_id,
            "model_name": text(get(model, "name")) or host_model_id,
            "host": host,
            "same_as": same_as(model, settings.same_as),
            **settle_prices(cells.read(model)),
            "price_tiers": _tiers(model, cells, settings),
            "is_deprecated": get(model, "status") == "deprecated",
            "source_url": url,
        }
    cells.require_mostly_good(settings.max_bad_share)
    if not rows:
        raise InvalidStructure(f"{page.name}: no model has an id")
    return ParsedPull(list(rows.values()), (), cells.bad_values)


def _tiers(model: object, cells: CellReader, settings: SourceSettings) -> str | None:
    """A tier names its prices as the cost itself does, and holds above a size in tokens."""
    told = get(model, "cost.tiers")
    tiers = Tiers(cells, settings.fields)
    for tier in told if isinstance(told, list) else ():
        for column in TIER_PRICES:
            path = settings.fields[column].path if column in settings.fields else ""
            tiers.add(get(tier, "tier.size"), column, get(tier, path.removeprefix("cost.")))
    return tiers.text()
