"""A data folder into which a test lands pulls of its own making, at moments of its own choosing.

All names and values are invented, but for names that the identity rules know.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.sources.pull import ParsedPull
from llmrec_pipeline.storage.category_ranking import rank_all_categories
from llmrec_pipeline.storage.changes import note_changes
from llmrec_pipeline.storage.content_digest import frame_digest
from llmrec_pipeline.storage.editions import Published
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import Lake, Landing
from llmrec_pipeline.storage.refreshing import (
    derive_silver,
    load_bronze,
    publish_edition,
    rank_tasks,
)
from llmrec_pipeline.storage.states import SourceState, write_state
from llmrec_pipeline.storage.warehouse import open_warehouse

AA, MODELS_DEV, LMARENA = "artificial_analysis", "models_dev", "lmarena"
START = datetime(2026, 5, 30, tzinfo=UTC)
EVERY = timedelta(hours=6)
OBSERVED_FIXTURE = datetime(2026, 1, 1, tzinfo=UTC)
BUNDLED_KEYS = {"openai/gpt-5-4", "xai/grok-4-3", "google/gemini-3-1-pro-preview"}
_DERIVED = ("pulls", "models_history", "models_latest", "silver_models", "model_identity_map")

Row = dict[str, Any]


def at(number: float) -> datetime:
    """The moment of the n-th pull of a schedule of six hours."""
    return START + EVERY * number


def model(number: int, **values: Any) -> Row:
    """A row of a source that measures; each model has values of its own."""
    return {
        "source_model_id": f"id-{number:03d}",
        "model_name": f"Invented {number}",
        "creator": "Laboratory",
        "quality_index": 20.0 + number,
        "output_tokens_per_s": 50.0 + number,
        "ttft_s": 0.5 + number / 100,
        "price_input_per_1m": 1.0 + number / 10,
        "price_output_per_1m": 4.0 + number / 10,
        "is_free": False,
        "context_window": 100_000 + number,
        "is_deprecated": False,
        **values,
    }


def models(count: int, first: int = 0, **values: Any) -> list[Row]:
    """That many rows."""
    return [model(number, **values) for number in range(first, first + count)]


class DataFolder:
    """Lake, warehouse and editions below one folder. `fixture` holds models.dev's shape only."""

    def __init__(self, data: Path, settings: Settings | None = None) -> None:
        loaded = settings or load_settings({})
        place = Locations(data=data, config=loaded.locations.config, offline=True)
        self.settings = loaded.model_copy(update={"locations": place})
        self.lake = Lake(data)
        self.warehouse = place.warehouse
        self.published = place.published
        bundled = data / "bundled.json"
        if not bundled.exists():
            data.mkdir(parents=True, exist_ok=True)
            bundled.write_text(json.dumps({"sources": {MODELS_DEV: _BUNDLED}}))
        self.fixture = Fixture(bundled, self.settings)

    def copy(self, data: Path) -> DataFolder:
        """The same lake, warehouse and editions in another place."""
        shutil.copytree(self.settings.locations.data, data, symlinks=True)
        return DataFolder(data, self.settings)

    def configure(self, source: str, **changes: Any) -> None:
        """Change a source's settings."""
        sources = dict(self.settings.sources)
        sources[source] = sources[source].model_copy(update=changes)
        self.settings = Settings(
            **{**{name: getattr(self.settings, name) for name in Settings.model_fields}}
            | {"sources": sources}
        )

    def land(
        self,
        source: str,
        observed_at: datetime,
        rows: Sequence[Mapping[str, Any]],
        *,
        index_version: str | None = None,
        benchmarks: Sequence[Mapping[str, Any]] = (),
        landed_at: datetime | None = None,
    ) -> Landing:
        """Land a valid pull, and leave the source's state as the pipeline would."""
        versioned = [{**row, "index_version": index_version} for row in rows]
        parsed = ParsedPull(versioned, benchmarks, index_version=index_version)
        landing = self.lake.land_bronze(
            source, observed_at, landed_at or observed_at + timedelta(seconds=5), parsed, "1"
        )
        state = SourceState(
            source,
            last_status=landing.status,
            last_verified_at=iso(observed_at),
            newest_observed_at=iso(observed_at),
            content_hash=landing.record.content_hash,
        )
        write_state(self.settings.locations.states, state)
        return landing

    @contextmanager
    def open(self, **options: Any) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse."""
        limits = self.settings.pipeline.warehouse
        with open_warehouse(self.warehouse, limits, **options) as con:
            yield con

    def load(self, con: duckdb.DuckDBPyConnection, now: datetime) -> None:
        """Everything of a refresh but rankings and the edition."""
        load_bronze(con, self.settings, self.lake)
        derive_silver(con, self.settings, now, self.fixture)

    def refresh(self, now: datetime) -> Published:
        """A whole refresh."""
        with self.open() as con:
            self.load(con, now)
            rank_tasks(con, self.settings)
            rank_all_categories(con, self.settings)
            note_changes(con, self.settings, self.fixture)
            return publish_edition(con, self.settings, now, self.fixture)

    def rows(self, query: str, now: datetime | None = None) -> list[Row]:
        """What a query gives, after loading where a moment is given."""
        with self.open() as con:
            if now is not None:
                self.load(con, now)
            return con.sql(query).pl().to_dicts()

    def latest(self, now: datetime) -> dict[str, Row]:
        """`models_latest` by key, after loading."""
        rows = self.rows("SELECT * FROM models_latest", now)
        return {row["canonical_model_key"]: row for row in rows}

    def digests(self, now: datetime) -> dict[str, str]:
        """Content digest of each derived table, after loading."""
        with self.open() as con:
            self.load(con, now)
            return digests(con)


def digests(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Content digest of each derived table."""
    return {table: frame_digest(con.sql(f"SELECT * FROM {table}").pl()) for table in _DERIVED}


def table(con: duckdb.DuckDBPyConnection, name: str) -> pl.DataFrame:
    """A whole table, in some order of its own."""
    return con.sql(f"SELECT * FROM {name}").pl()


_BUNDLED = {
    "url": "https://models.dev/api.json",
    "observed_at": iso(OBSERVED_FIXTURE),
    "body": {
        host: {
            "id": host,
            "models": {
                model_id: {
                    "id": model_id,
                    "name": model_id,
                    "cost": {"input": 1.0, "output": 5.0},
                    "limit": {"context": 64_000, "output": 8_000},
                    "release_date": "2025-05-05",
                    "open_weights": False,
                }
            },
        }
        for host, model_id in (
            ("openai", "gpt-5.4"),
            ("xai", "grok-4.3"),
            ("google", "gemini-3.1-pro-preview"),
        )
    },
}
