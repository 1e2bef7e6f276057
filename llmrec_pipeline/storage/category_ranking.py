"""`category_rankings`, made from what serves now by the rules of `domain.categories`."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.categories import PublisherScore, rank_categories
from llmrec_pipeline.domain.records import CATEGORY_RANKINGS
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import replace_rows, sql_text, transaction


def category_rows(con: duckdb.DuckDBPyConnection, settings: Settings) -> list[dict[str, Any]]:
    """Rows of `category_rankings` for what the warehouse serves; models that are listed and not
    deprecated are ranked."""
    scores = [PublisherScore(*row) for row in con.sql(sql_text("category_scores")).fetchall()]
    ranked = con.sql(
        "SELECT canonical_model_key, provider, model_name, output_tokens_per_s, ttft_s, "
        "price_input_per_1m, context_window FROM models_latest "
        "WHERE listed AND NOT coalesce(is_deprecated, false)"
    ).pl()
    models = {row["canonical_model_key"]: row for row in ranked.to_dicts()}
    return rank_categories(settings.categories, scores, models)


def rank_all_categories(con: duckdb.DuckDBPyConnection, settings: Settings) -> pl.DataFrame:
    """Fill `category_rankings` and return it."""
    rows = [
        {**row, **{name: json.dumps(row[name], sort_keys=True) for name in ("sources", "metadata")}}
        for row in category_rows(con, settings)
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(CATEGORY_RANKINGS))
    with transaction(con):
        replace_rows(con, "category_rankings", frame)
    return frame
