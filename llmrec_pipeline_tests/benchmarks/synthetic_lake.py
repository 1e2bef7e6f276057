"""A lake with years of pulls, written straight into bronze form. Names and values are invented."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from llmrec_pipeline.domain.records import MODELS_SNAPSHOT
from llmrec_pipeline.domain.timestamps import stamp
from llmrec_pipeline.sources.pull import ParsedPull
from llmrec_pipeline.storage.files import sha256_of
from llmrec_pipeline.storage.lake import Lake, Landing, polars_schema
from llmrec_pipeline.storage.pull_log import PullRecord

SOURCE = "artificial_analysis"
# Ten years later a month has just begun, of which a refresh writes as much after few pulls.
FIRST = datetime(2016, 11, 5, tzinfo=UTC)
EVERY = timedelta(hours=6)
_PARSER_VERSION = "1"
_MODELS_OF_A_CREATOR = 25
# One model leaves and one comes every so many pulls; the indices are rebased every so many.
_CHURN, _REBASE = 20, 1500
_ADDED_BY_LAKE = ("source", "observed_at", "parser_version")


class SyntheticLake:
    """Pulls of one source, six hours apart, each with other values than the one before."""

    def __init__(self, data: Path, models: int) -> None:
        self.lake = Lake(data)
        self._models = models
        self._pulls = 0

    def write(self, pulls: int, tell: Callable[[int], None] = lambda _: None) -> None:
        """Append pulls to bronze and log in one go, as if they had landed one by one."""
        folder = self.lake.bronze / SOURCE
        folder.mkdir(parents=True, exist_ok=True)
        lines: dict[str, list[str]] = {}
        for _ in range(pulls):
            frame, record = self._next()
            path = folder / str(record.bronze)
            frame.write_parquet(path, compression="zstd")
            landed = replace(record, files={path.name: sha256_of(path)})
            line = json.dumps(landed.to_line(), sort_keys=True)
            lines.setdefault(f"{record.landed_at:%Y-%m}", []).append(line)
            tell(self._pulls)
        for month, records in lines.items():
            with (folder / f"pulls-{month}.jsonl").open("a") as log:
                log.write("\n".join(records) + "\n")

    def land(self) -> Landing:
        """The next pull, by the lake's own way."""
        frame, record = self._next()
        rows = frame.drop(_ADDED_BY_LAKE).to_dicts()
        parsed = ParsedPull(rows, index_version=record.index_version)
        return self.lake.land_bronze(
            SOURCE, record.observed_at, record.landed_at, parsed, _PARSER_VERSION
        )

    def skip(self, pulls: int) -> None:
        """Stand behind pulls that were written before."""
        self._pulls += pulls

    @property
    def now(self) -> datetime:
        """A minute after the newest pull landed."""
        return FIRST + EVERY * (self._pulls - 1) + timedelta(minutes=2)

    def _next(self) -> tuple[pl.DataFrame, PullRecord]:
        number = self._pulls
        self._pulls += 1
        observed_at = FIRST + EVERY * number
        frame = _rows(number, self._models, observed_at)
        content = hashlib.sha256(f"{self._models} {number}".encode()).hexdigest()
        record = PullRecord(
            SOURCE,
            observed_at,
            observed_at + timedelta(minutes=1),
            content,
            _PARSER_VERSION,
            frame["index_version"][0],
            frame.height,
            f"models_snapshot_{stamp(observed_at)}.parquet",
        )
        return frame, record


def _rows(number: int, models: int, observed_at: datetime) -> pl.DataFrame:
    ids = np.arange(models) + number // _CHURN
    dice = np.random.default_rng(number)
    ability = np.modf(ids * 0.6180339887)[0]
    price = np.round(0.1 + 20 * ability**3, 2)
    speed = np.round(40 + 200 * dice.random(models), 2)
    columns = {
        "source": [SOURCE] * models,
        "source_model_id": [f"id-{i:07d}" for i in ids],
        "model_name": [f"Invented {i}" for i in ids],
        "creator": [f"Laboratory {i % (models // _MODELS_OF_A_CREATOR + 1)}" for i in ids],
        "quality_index": np.round(10 + 50 * ability + dice.random(models), 1),
        "coding_index": np.round(8 + 60 * ability + dice.random(models), 1),
        "agentic_index": np.round(2 + 50 * ability + dice.random(models), 1),
        "index_version": [f"{1 + number // _REBASE}.0"] * models,
        "output_tokens_per_s": speed,
        "ttft_s": np.round(0.2 + dice.random(models), 2),
        "price_input_per_1m": price,
        "price_output_per_1m": price * 4,
        "is_free": [False] * models,
        "context_window": 1000 * (8 + ids % 1000),
        "release_date": [date(2016, 1, 1) + timedelta(days=int(i)) for i in ids],
        "observed_at": [observed_at] * models,
        "parser_version": [_PARSER_VERSION] * models,
    }
    schema = polars_schema(MODELS_SNAPSHOT)
    frame = pl.DataFrame(columns, schema_overrides={name: schema[name] for name in columns})
    absent = [
        pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in columns
    ]
    return frame.with_columns(absent).select(list(schema))
