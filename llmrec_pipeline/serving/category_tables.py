"""`category_rankings` of an edition or of a moment, with what they rest on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from llmrec_pipeline.domain.records import PULLED_ORIGINS
from llmrec_pipeline.domain.timestamps import Moment, iso, parse_iso
from llmrec_pipeline.serving.at_time import Asked, moment_of, past_warehouse
from llmrec_pipeline.serving.standing import origins_now
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import Edition, find_edition


@dataclass(frozen=True, slots=True)
class CategoryTables:
    """Rows of `category_rankings` with `sources` and `metadata` as objects, and the standing of
    the sources."""

    edition: str
    rows: list[dict[str, Any]]
    origins: Mapping[str, Mapping[str, Any]]

    @property
    def pulled_rows(self) -> list[dict[str, Any]]:
        """Rows that rest on pulls alone: bundled facts are no publisher's answer."""
        return [row for row in self.rows if all(map(self._is_pulled, publishers_of(row)))]

    def answered_at(self, publishers: frozenset[str]) -> datetime | None:
        """When one of these publishers last answered with a pull that serves."""
        verified = [
            parse_iso(self.origins[publisher]["verified_at"])
            for publisher in publishers
            if self._is_pulled(publisher)
        ]
        return max(verified, default=None)

    def attribution(self, rows: list[dict[str, Any]]) -> dict[str, str]:
        """The attribution of each publisher behind some rows."""
        used = sorted({publisher for row in rows for publisher in publishers_of(row)})
        return {publisher: self.origins[publisher]["attribution"] for publisher in used}

    def _is_pulled(self, publisher: str) -> bool:
        return self.origins.get(publisher, {}).get("origin") in PULLED_ORIGINS


def row_as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `category_rankings` with its moment as ISO text in UTC."""
    return {**row, "last_updated": iso(row["last_updated"])}


def publishers_of(row: Mapping[str, Any]) -> list[str]:
    """Whose scores a row blends."""
    return [part["publisher"] for part in row["sources"]["publishers"]]


def category_tables(
    settings: Settings, asked: Asked, now: datetime | None = None
) -> CategoryTables:
    """The rankings of the current edition as its sources stand at `now`, of a named edition, or of
    a moment; raises EditionError, RequestError and WarehouseError."""
    now = now or datetime.now(UTC)
    moment = moment_of(asked, now)
    if moment is not None:
        return _past(settings, moment)
    tables = edition_tables(find_edition(settings.locations.published, asked.edition))
    if not asked.is_current:
        return tables
    live_hours = settings.pipeline.schedule.live_hours
    origins = origins_now(tables.origins, settings.locations.states, now, live_hours)
    return replace(tables, origins=origins)


def edition_tables(edition: Edition) -> CategoryTables:
    """The rankings of an edition, its sources as they stood when it was published; raises
    EditionError."""
    return CategoryTables(edition.name, _rows(edition), edition.manifest()["sources"])


def _rows(edition: Edition) -> list[dict[str, Any]]:
    import polars as pl

    from llmrec_pipeline.storage.editions import EditionError

    path = edition.folder / "category_rankings.parquet"
    if not path.exists():
        raise EditionError(f"{edition.name}: has no category rankings; run `llmrec refresh`")
    rows = pl.read_parquet(edition.table("category_rankings")).to_dicts()
    return [
        {**row, **{name: json.loads(row[name]) for name in ("sources", "metadata")}} for row in rows
    ]


def _past(settings: Settings, moment: Moment) -> CategoryTables:
    from llmrec_pipeline.storage.category_ranking import category_rows
    from llmrec_pipeline.storage.origins import read_serving
    from llmrec_pipeline.storage.ranking_payload import origins_of

    with past_warehouse(settings, moment) as past:
        origins = origins_of(read_serving(past), settings)
        return CategoryTables(moment.name, category_rows(past, settings), origins)
