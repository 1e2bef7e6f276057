"""LMArena: ratings by category from pairwise votes, on an Elo-like scale, style controlled."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT
from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import (
    CellReader,
    asked_url,
    load_json,
    require_paths,
    text,
    the_page,
)
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

PARSER_VERSION = "1"
_PARQUET = b"PAR1"
_COLUMNS = (
    "model_name",
    "category",
    "rating",
    "rating_lower",
    "rating_upper",
    "variance",
    "vote_count",
    "organization",
    "license",
    "leaderboard_publish_date",
)
# A small file can unpack to any number of rows; the real one has about ten thousand.
_MAX_ROWS = 1_000_000
# A licence names open weights unless it is one of these.
_CLOSED = frozenset({"proprietary", "-"})


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The one Parquet file; raises PullFailed."""
    return [http.get("text_style_control.parquet")]


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """One model row with the mapped categories, and one benchmark row for every category. Raises
    InvalidStructure."""
    page = the_page(pages)
    rows = _rows(page)
    if not rows:
        raise InvalidStructure(f"{page.name}: no rows")
    require_paths(rows, settings.required, page.name)
    cells = CellReader({})
    url = asked_url(page)
    benchmark = settings.benchmark or "lmarena"
    models: dict[str, dict[str, Any]] = {}
    benchmarks: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=_place):
        name, category = text(row.get("model_name")), text(row.get("category"))
        cells.see("source_model_id", name and category)
        if name is None or category is None:
            continue
        model = models.setdefault(name, _model(name, row, url))
        score = cells.optional_number(
            BENCHMARK_RESULTS["score"], row.get("rating"), zero_is_unknown=True
        )
        if score is not None and score < 0:
            score = None
            cells.bad["score"] += 1
        if score is None or (name, category) in benchmarks:
            continue
        column = settings.categories.get(category)
        if column in MODELS_SNAPSHOT.names:
            model[column] = score
        benchmarks[name, category] = {
            "source_model_id": name,
            "benchmark_name": benchmark,
            "category": category,
            "score": score,
            "unit": "elo",
            "stderr": _root(_unless_zero(cells, "stderr", row.get("variance"))),
            "n": _unless_zero(cells, "n", row.get("vote_count")),
            "dataset_version": _day(row.get("leaderboard_publish_date")),
            "verified": True,
            "source_url": url,
            "lower": _unless_zero(cells, "lower", row.get("rating_lower")),
            "upper": _unless_zero(cells, "upper", row.get("rating_upper")),
        }
    cells.require_mostly_good(settings.max_bad_share)
    if not models:
        raise InvalidStructure(f"{page.name}: no row names a model and a category")
    return ParsedPull(list(models.values()), list(benchmarks.values()), cells.bad_values)


def _place(row: dict[str, Any]) -> list[str]:
    """Where a row stands in whatever order the rows came."""
    values = (row.get(name) for name in _COLUMNS)
    return [str(value) if isinstance(value, (str, int, float)) else "" for value in values]


def _rows(page: RawPage) -> list[dict[str, Any]]:
    """Rows of the Parquet file, or of a JSON list of the same records."""
    if page.body[:4] != _PARQUET:
        rows = load_json(page)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InvalidStructure(f"{page.name}: neither Parquet nor a list of records")
        return rows
    import polars as pl

    try:
        names = pl.read_parquet_schema(io.BytesIO(page.body))
        frame = pl.read_parquet(
            io.BytesIO(page.body),
            columns=[name for name in _COLUMNS if name in names],
            n_rows=_MAX_ROWS + 1,
        )
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidStructure(f"{page.name}: damaged Parquet: {first_line[:120]}") from None
    if frame.height > _MAX_ROWS:
        raise InvalidStructure(f"{page.name}: more than {_MAX_ROWS} rows")
    return frame.to_dicts()


def _model(name: str, row: dict[str, Any], url: str) -> dict[str, Any]:
    licence = text(row.get("license"))
    return {
        "source_model_id": name,
        "model_name": name,
        "creator": text(row.get("organization")),
        "is_open_weights": None if licence is None else licence.lower() not in _CLOSED,
        "source_url": url,
    }


def _unless_zero(cells: CellReader, column: str, value: Any) -> float | int | None:
    return cells.optional_number(BENCHMARK_RESULTS[column], value, zero_is_unknown=True)


def _day(value: object) -> str | None:
    return text(value.isoformat() if isinstance(value, date) else value)


def _root(variance: float | int | None) -> float | None:
    return None if variance is None else float(variance) ** 0.5
