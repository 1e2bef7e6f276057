"""What a report needs of an edition's files, as plain rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import duckdb
import polars as pl

from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.storage.editions import Edition, EditionError
from llmrec_pipeline.storage.warehouse import sql_text

Row = dict[str, Any]

_URLS = (
    "SELECT source, canonical_model_key, base_model, min(source_url) AS source_url "
    "FROM silver_models GROUP BY ALL ORDER BY ALL"
)
_WANTED = {
    "canonical_model_key": pl.String,
    "base_model": pl.String,
    "offering_key": pl.String,
    "price_source": pl.String,
}


@dataclass(frozen=True, slots=True)
class EditionTables:
    """An edition's ranking payload, its manifest, and its tables behind a connection."""

    payload: Mapping[str, Any]
    manifest: Mapping[str, Any]
    con: duckdb.DuckDBPyConnection

    @classmethod
    def of(cls, edition: Edition, con: duckdb.DuckDBPyConnection) -> Self:
        """Raises EditionError for an edition that is damaged, or older than the report."""
        manifest, payload = edition.manifest(), edition.ranking()
        if "report" not in payload:
            raise EditionError(
                f"edition {edition.name} was published before there were reports; "
                f"run `llmrec refresh`"
            )
        open_edition(con, edition)
        return cls(payload, manifest, con)

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, in a fixed order."""
        return self.con.sql(f"SELECT * FROM {table} ORDER BY ALL").pl().to_dicts()

    def urls(self) -> list[Row]:
        """Where each source was read for each model."""
        return self.con.sql(_URLS).pl().to_dicts()

    def history(
        self, wanted: Sequence[Mapping[str, Any]], until: datetime, days: int, points: int
    ) -> list[Row]:
        """Rows of `report_history.sql` for models with base model, offering and price source."""
        self.con.register("wanted", pl.DataFrame(list(wanted), schema=_WANTED))
        parameters = {
            "since": until - timedelta(days=days),
            "points": points,
            "stretch": math.ceil(days / points),
        }
        return self.con.sql(sql_text("report_history"), params=parameters).pl().to_dicts()
