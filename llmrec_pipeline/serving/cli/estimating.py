"""`llmrec workload estimate`: what a file of token counts would cost on each model."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.domain.usage_prices import Terms, tiers_of
from llmrec_pipeline.domain.workload import CALLS, COLUMNS, INPUT, OUTPUT, Request, Workload
from llmrec_pipeline.serving.cli import NOTHING_LEFT, OK
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline.storage.warehouse import named_rows, sql_text
from llmrec_pipeline.team_settings import load_team_settings

_JSON_LINES = (".jsonl", ".ndjson")
_SHOWN = ("model", "provider", "cost_usd", "usd_per_1k_calls")
_MICRO_USD = 6

Prices = Mapping[str, Sequence[Terms]]


def estimate(file: Path, models: Sequence[str], wanted: Format | None) -> int:
    """Print the cost of the file's requests on each model, cheapest first."""
    settings = load_settings()
    team = load_team_settings(settings.locations).models
    edition = find_edition(settings.locations.published, None)
    with duckdb.connect(":memory:") as con:
        open_edition(con, edition)
        prices, sources = _prices(con)
    workload = Workload.priced_by(prices)
    for request in _requests(file):
        workload.add(request)
    chosen_keys = [_priced(name, team, prices) for name in models] or list(prices)
    told = {
        "file": str(file),
        "edition": edition.name,
        "rows": workload.rows,
        CALLS: workload.calls,
        **workload.tokens(),
        **_as_it_is(workload, team, prices),
        "models": _estimates(workload, chosen_keys, prices),
        "attribution": {
            source: settings.sources[source].attribution
            for source in sorted({sources[key] for key in chosen_keys})
            if source in settings.sources
        },
    }
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print(told)
    if not workload.rows:
        note(f"llmrec: {file}: holds no requests")
        return NOTHING_LEFT
    return OK


def _prices(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, Sequence[Terms]], dict[str, str]]:
    """Prices at the creators' own hosts now, and whose they are, by model."""
    found: dict[str, Sequence[Terms]] = {}
    sources: dict[str, str] = {}
    for told in named_rows(con.sql(sql_text("catalogue_prices"))):
        cached = told["price_cached_input_per_1m"]
        base = Terms(
            input_per_1m=Decimal(repr(told["price_input_per_1m"])),
            output_per_1m=Decimal(repr(told["price_output_per_1m"])),
            cached_input_per_1m=None if cached is None else Decimal(repr(cached)),
        )
        found[told["model_id"]] = tiers_of(base, json.loads(told["price_tiers"] or "[]"))
        sources[told["model_id"]] = told["source"]
    return found, sources


def _priced(name: str, team: ModelsConfig, prices: Prices) -> str:
    key = team.model_id(name)
    if key is None:
        raise unknown_name("model", name, [*team.models, *prices])
    if key not in prices:
        raise RequestError(f"{key} has no price in the current edition; see `llmrec models`")
    return key


def _requests(file: Path) -> Iterator[Request]:
    """The file's rows; raises RequestError naming file, line, field and value."""
    for line, row in _rows(file):
        try:
            yield Request.of(row)
        except ValueError as error:
            raise RequestError(f"{file}: line {line}: {error}") from None


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            if file.suffix.lower() in _JSON_LINES:
                yield from _json_rows(file, lines)
            else:
                yield from _csv_rows(file, csv.DictReader(lines))
    except UnicodeDecodeError:
        raise RequestError(f"{file}: is no UTF-8 text; write it as CSV or JSONL") from None
    except csv.Error as error:
        raise RequestError(f"{file}: is no CSV: {error}; write it anew") from None


def _json_rows(file: Path, lines: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            row = read_json(text)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise RequestError(f"{file}: line {number}: is no JSON object")
        yield number, row


def _csv_rows(file: Path, reader: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    named = reader.fieldnames or ()
    missing = [name for name in (INPUT, OUTPUT) if name not in named]
    if missing:
        raise RequestError(
            f"{file}: has no column {' and no column '.join(missing)}; "
            f"columns that are read: {', '.join(COLUMNS)}"
        )
    for row in reader:
        if reader.restkey in row:
            raise RequestError(
                f"{file}: line {reader.line_num}: has more cells than the header names columns; "
                "quote what holds a comma"
            )
        yield reader.line_num, row


def _as_it_is(workload: Workload, team: ModelsConfig, prices: Prices) -> dict[str, Any]:
    """What the rows cost on the models that they name, and which of those have no price."""
    keys = {name: team.model_id(name) for name in workload.models}
    priced = {name: key for name, key in keys.items() if key is not None and key in prices}
    costs = [workload.cost(prices[key], [name]) for name, key in priced.items()]
    return {
        "as_it_is_usd": round(float(sum(costs)), _MICRO_USD) if costs else None,
        "without_price": sorted(keys.keys() - priced.keys()),
    }


def _estimates(workload: Workload, keys: Sequence[str], prices: Prices) -> list[dict[str, Any]]:
    costs = sorted((workload.cost(prices[key]), key) for key in dict.fromkeys(keys))
    return [
        {
            "model": key,
            "provider": key.partition("/")[0],
            "cost_usd": round(float(cost), _MICRO_USD),
            "usd_per_1k_calls": (
                round(float(cost * 1000 / workload.calls), _MICRO_USD) if workload.calls else None
            ),
        }
        for cost, key in costs
    ]


def _print(told: dict[str, Any]) -> None:
    say(
        f"{told[CALLS]:,} calls: {told[INPUT]:,} tokens in, {told['cached_input_tokens']:,} of them "
        f"cached, {told[OUTPUT]:,} out; edition {told['edition']}."
    )
    if told["as_it_is_usd"] is not None:
        say(f"On the models that it names: {told['as_it_is_usd']:,.2f} USD.")
    if told["without_price"]:
        say(f"Without a price: {', '.join(told['without_price'])}.")
    say()
    print_table(told["models"], _SHOWN)
    for line in told["attribution"].values():
        say(line)
