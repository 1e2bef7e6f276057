"""Reading pages with a source's parser, and what must hold of the rows whatever came in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT
from llmrec_pipeline.settings import Settings, SourceSettings, load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

ASKED = "https://publisher.test/route"
READ_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
_ADDED = {"source", "observed_at", "parser_version"}


@cache
def settings() -> Settings:
    """The project's own."""
    return load_settings({})


def source_settings(source: str) -> SourceSettings:
    return settings().sources[source]


def page(
    body: object, name: str = "page.json", url: str = ASKED, read_at: datetime = READ_AT
) -> RawPage:
    """A page with this body, or with this content as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawPage(name, url, 200, {}, content, read_at)


def parse(source: str, *bodies: object, read_at: datetime = READ_AT) -> ParsedPull:
    """What the source's parser makes of the pages, checked."""
    pages = [
        page(body, f"page-{n}", f"{ASKED}?page={n}", read_at) for n, body in enumerate(bodies, 1)
    ]
    parsed = publisher(source).parse(pages, source_settings(source))
    require_clean(parsed)
    return parsed


def refusal(source: str, *bodies: object) -> str:
    """Why the parser refuses these pages: one line."""
    with pytest.raises(InvalidStructure) as refused:
        parse(source, *bodies)
    reason = str(refused.value)
    assert len(reason.splitlines()) == 1
    assert reason.isprintable()
    assert len(reason) <= 300
    return reason


def require_clean(parsed: ParsedPull) -> None:
    """Keys are unique, required cells filled, numbers within their range, texts printable."""
    assert parsed.models
    for table, rows in ((MODELS_SNAPSHOT, parsed.models), (BENCHMARK_RESULTS, parsed.benchmarks)):
        keys = [tuple(row.get(name) for name in table.key if name not in _ADDED) for row in rows]
        assert len(keys) == len(set(keys))
        for row in rows:
            assert set(row) <= set(table.names)
            for column in table.columns:
                value = row.get(column.name)
                assert value is not None or not column.required or column.name in _ADDED
                if isinstance(value, str):
                    assert value.isprintable()
                    assert value.strip() == value != ""
                elif value is not None and not isinstance(value, (bool, date)):
                    assert column.minimum is None or value >= column.minimum
                    assert abs(value) <= 10**18
    assert all(count > 0 for count in (*parsed.bad_values.values(), *parsed.skipped.values()))
    parsed.content_hash().encode("ascii")


def by_id(parsed: ParsedPull) -> dict[str, Any]:
    """The model rows by the publisher's own id."""
    return {row["source_model_id"]: row for row in parsed.models}


def results(parsed: ParsedPull) -> dict[tuple[str, str, str], Any]:
    """The benchmark rows by model, benchmark and category."""
    return {
        (row["source_model_id"], row["benchmark_name"], row["category"]): row
        for row in parsed.benchmarks
    }
