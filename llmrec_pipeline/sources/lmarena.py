"""LMArena: ratings by category from pairwise votes, on an Elo-like scale, style controlled."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT
from llmrec_pipeline.settings import SourceSettings
from llmrec_pipeline.sources.cells import CellReader, load_json, require_paths, text
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

PARSER_VERSION = "1"
_PARQUET = b"PAR1"
# A licence names open weights unless it is one of these.
_CLOSED = frozenset({"proprietary", "-", ""})


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The one Parquet file."""
    return [http.get("text_style_control.parquet")]


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """One model row with the mapped categories, and one benchmark row for every category."""
    rows = _rows(pages[0])
    if not rows:
        raise InvalidStructure(f"{pages[0].name}: no rows")
    require_paths(rows, settings.required, pages[0].name)
    cells = CellReader({})
    url = settings.base_url + settings.path
    benchmark = settings.benchmark or "lmarena"
    models: dict[str, dict[str, Any]] = {}
    benchmarks: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        name, category = text(row.get("model_name")), text(row.get("category"))
        if name is None or category is None:
            cells.bad["source_model_id"] += 1
            continue
        cells.seen["score"] += 1
        score = cells.number(BENCHMARK_RESULTS["score"], row.get("rating"))
        model = models.setdefault(name, _model(name, row, url))
        if score is None or score <= 0:
            cells.bad["score"] += score is not None
            continue
        column = settings.categories.get(category)
        if column in MODELS_SNAPSHOT.names:
            model[column] = score
        published = row.get("leaderboard_publish_date")
        benchmarks[name, category] = {
            "source_model_id": name,
            "benchmark_name": benchmark,
            "category": category,
            "score": score,
            "unit": "elo",
            "stderr": _root(cells.number(BENCHMARK_RESULTS["stderr"], row.get("variance"))),
            "n": cells.number(BENCHMARK_RESULTS["n"], row.get("vote_count")),
            "dataset_version": str(published) if published is not None else None,
            "verified": True,
            "source_url": url,
            "lower": cells.number(BENCHMARK_RESULTS["lower"], row.get("rating_lower")),
            "upper": cells.number(BENCHMARK_RESULTS["upper"], row.get("rating_upper")),
        }
    cells.require_mostly_good(settings.max_bad_share)
    return ParsedPull(list(models.values()), list(benchmarks.values()), dict(cells.bad))


def _rows(page: RawPage) -> list[dict[str, Any]]:
    """Rows of the Parquet file, or of a JSON list of the same records."""
    if page.body[:4] != _PARQUET:
        rows = load_json(page)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InvalidStructure(f"{page.name}: neither Parquet nor a list of records")
        return rows
    import polars as pl

    try:
        return pl.read_parquet(io.BytesIO(page.body)).to_dicts()
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidStructure(f"{page.name}: damaged Parquet: {first_line[:120]}") from None


def _model(name: str, row: dict[str, Any], url: str) -> dict[str, Any]:
    licence = text(row.get("license"))
    return {
        "source_model_id": name,
        "model_name": name,
        "creator": text(row.get("organization")),
        "is_open_weights": None if licence is None else licence.lower() not in _CLOSED,
        "source_url": url,
    }


def _root(variance: float | int | None) -> float | None:
    return None if variance is None else float(variance) ** 0.5
