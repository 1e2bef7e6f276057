"""genai-prices: prices and context windows from an installed package; no publisher is asked.

Its data is as old as its release. A pull reads it anew, so that a price that takes effect on a
later day counts from that day on.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
    BATCH,
    CellReader,
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
_PACKAGE = "genai-prices"
_SITE = "https://github.com/pydantic/genai-prices"
_BY_TOKEN = "_mtok"  # noqa: S105 - the end of a price's name
_QUARTERS = 96


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The data of the installed package, every field of it, as JSON."""
    from genai_prices.data import providers

    version = importlib.metadata.version(_PACKAGE)
    content = {"package": _PACKAGE, "version": version, "providers": providers}
    body = json.dumps(content, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return [http.hold("prices.json", f"package:{_PACKAGE}@{version}", body.encode())]


def _plain(value: object) -> object:
    """What JSON has for the package's objects: mappings of their fields, and text."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {f.name: getattr(value, f.name) for f in fields if not f.name.startswith("_")}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return {name: told for name, told in vars(value).items() if told is not None}


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """One row for each model of each provider that is sold by the token, at the price in force
    when the page was read; `source_model_id` is `provider/model`. Raises InvalidStructure."""
    page = the_page(pages)
    content = load_json(page)
    providers = get(content, "providers")
    offers = [
        (get(provider, "id"), model)
        for provider in (providers if isinstance(providers, list) else ())
        if isinstance(models := get(provider, "models"), list)
        for model in models
        if isinstance(model, Mapping)
    ]
    if not offers:
        raise InvalidStructure(f"{page.name}: no provider has models")
    require_paths([model for _, model in offers], settings.required, page.name)
    cells = CellReader(settings.fields)
    skipped: Counter[str] = Counter()
    rows: dict[str, dict[str, Any]] = {}
    for provider_id, model in offers:
        host, host_model_id = text(provider_id), text(model.get("id"))
        source_model_id = f"{host}/{host_model_id}" if host and host_model_id else None
        cells.see("source_model_id", source_model_id)
        if source_model_id is None or source_model_id in rows:
            continue
        if source_model_id.endswith(BATCH):
            skipped["batch tariffs"] += 1
            continue
        prices, effective_at = _in_force(model.get("prices"), page.received_at)
        if prices and not any(name.endswith(_BY_TOKEN) for name in prices):
            skipped["models not sold by the token"] += 1
            continue
        record = {**model, "prices": {name: _first_tier(told) for name, told in prices.items()}}
        rows[source_model_id] = {
            "source_model_id": source_model_id,
            "model_name": text(model.get("name")) or host_model_id,
            "host": host,
            **settle_prices(cells.read(record)),
            "price_tiers": _tiers(prices, cells, settings),
            "effective_at": effective_at,
            "source_url": _SITE,
        }
    cells.require_mostly_good(settings.max_bad_share)
    if not rows:
        raise InvalidStructure(f"{page.name}: no model has an id and is sold by the token")
    return ParsedPull(list(rows.values()), (), cells.bad_values, skipped=dict(skipped))


def _first_tier(price: object) -> object:
    """A price, that of the smallest requests where it rises with their length."""
    return price.get("base") if isinstance(price, Mapping) else price


def _tiers(prices: Mapping[str, Any], cells: CellReader, settings: SourceSettings) -> str | None:
    tiers = Tiers(cells, settings.fields)
    for column in TIER_PRICES:
        path = settings.fields[column].path if column in settings.fields else ""
        told = get(prices.get(path.removeprefix("prices.")), "tiers")
        for tier in told if isinstance(told, list) else ():
            tiers.add(get(tier, "start"), column, get(tier, "price"))
    return tiers.text()


def _in_force(prices: object, moment: datetime) -> tuple[Mapping[str, Any], date | None]:
    """The prices of that day, and since when they hold, where the package says so. The last one
    whose condition holds counts, as in the package; where the hour decides, what holds for most of
    the day, so that the hour of a pull does not."""
    if isinstance(prices, Mapping):
        return prices, None
    listed = prices if isinstance(prices, list) else []
    conditional = [entry for entry in listed if isinstance(entry, Mapping)]
    if not conditional:
        return {}, None
    day = moment.astimezone(UTC).date()
    clock = [time(quarter // 4, quarter % 4 * 15) for quarter in range(_QUARTERS)]
    active = Counter(_active(conditional, day, hour) for hour in clock)
    entry = conditional[active.most_common(1)[0][0]]
    chosen, since = get(entry, "prices"), get(entry, "constraint.start_date")
    return (
        chosen if isinstance(chosen, Mapping) else {},
        date.fromisoformat(since) if isinstance(since, str) else None,
    )


def _active(conditional: Sequence[Mapping[str, Any]], day: date, hour: time) -> int:
    """Which of the prices holds at that time (UTC)."""
    for index in range(len(conditional) - 1, -1, -1):
        if _holds(conditional[index].get("constraint"), day, hour):
            return index
    return 0


def _holds(constraint: object, day: date, hour: time) -> bool:
    if constraint is None:
        return True
    try:
        if isinstance(since := get(constraint, "start_date"), str):
            return day >= date.fromisoformat(since)
        start, end = (_hour(get(constraint, name)) for name in ("start_time", "end_time"))
    except ValueError:
        return False
    return start <= hour < end if start <= end else hour >= start or hour < end


def _hour(written: object) -> time:
    hour = time.fromisoformat(str(written))
    zoned = datetime.combine(date(1970, 1, 2), hour, hour.tzinfo or UTC)
    return zoned.astimezone(UTC).time()
