"""What the warehouse knows of every measure: current readings and frozen populations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import duckdb
import polars as pl

from llmrec_pipeline.domain.consensus import MeasureReading, current_readings
from llmrec_pipeline.domain.consensus_config import BenchmarkUse, ConsensusConfig
from llmrec_pipeline.domain.populations import MeasureKey, Population
from llmrec_pipeline.domain.records import MEASURE_POPULATIONS, MEASURE_READINGS
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.settings import Settings, SourceSettings
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import sql_text

FIXTURE = "fixture"
"""Stands as the content hash of a population that comes from the bundled fixture."""


class MeasureEvidence(NamedTuple):
    """Current readings, at most one a model and measure, and each measure's population."""

    readings: list[MeasureReading]
    populations: dict[MeasureKey, Population]


def warehouse_evidence(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    frozen: Mapping[MeasureKey, Population] | None = None,
) -> MeasureEvidence:
    """Readings and populations of every index column and of the benchmarks that the consensus uses,
    all with more being better, derived from what is served and from the accepted pulls.

    A measure that no accepted pull holds, since a bundled fixture serves for its publisher, has
    what the fixture says as its population. `frozen` gives populations that are known already.
    """
    config = settings.consensus
    signs = _Signs(config.benchmarks)
    said = con.sql(sql_text("measure_readings")).pl().to_dicts()
    served = list(_signed(_with_errors(said, settings.sources), signs))
    populations = dict(_frozen(con, config, signs) if frozen is None else frozen)
    of_fixture = [
        {**row, "content_hash": FIXTURE} for row in served if _measure(row) not in populations
    ]
    populations |= _populations(sorted(of_fixture, key=lambda row: _measure(row).sort_key))
    return MeasureEvidence(current_readings(map(_reading, served)), populations)


def _frozen(
    con: duckdb.DuckDBPyConnection, config: ConsensusConfig, signs: _Signs
) -> dict[MeasureKey, Population]:
    rows = con.sql(
        sql_text("measure_populations"), params={"minimum": config.minimum_population}
    ).pl()
    return _populations(_signed(rows.iter_rows(named=True), signs))


def populations_until(
    con: duckdb.DuckDBPyConnection, moment: datetime
) -> dict[MeasureKey, Population]:
    """Of the populations that the warehouse noted last, those that had been frozen by a moment."""
    rows = con.sql(
        "SELECT * FROM measure_populations WHERE snapshot_ts <= ? "
        "ORDER BY source, name, category, index_version, canonical_model_key, value",
        params=[moment],
    ).pl()
    return _populations(rows.iter_rows(named=True))


def stored_evidence(readings: pl.DataFrame, populations: pl.DataFrame) -> MeasureEvidence:
    """What `evidence_frames` gave."""
    key = ("source", "name", "category", "index_version")
    return MeasureEvidence(
        [_reading(row) for row in readings.iter_rows(named=True)],
        _populations(populations.sort(key, maintain_order=True).iter_rows(named=True)),
    )


def evidence_frames(evidence: MeasureEvidence) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `MEASURE_READINGS` and of `MEASURE_POPULATIONS`."""
    readings = [
        {
            "canonical_model_key": reading.key,
            "base_model": reading.base_model,
            **reading.measure._asdict(),
            "value": reading.value,
            "stderr": reading.stderr,
            "verified": reading.verified,
        }
        for reading in evidence.readings
    ]
    members = [
        {
            **measure._asdict(),
            "snapshot_ts": parse_iso(population.snapshot_ts),
            "content_hash": population.content_hash,
            "canonical_model_key": key,
            "value": value,
        }
        for measure, population in evidence.populations.items()
        for key, value in population.members
    ]
    return (
        pl.DataFrame(readings, schema=polars_schema(MEASURE_READINGS)),
        pl.DataFrame(members, schema=polars_schema(MEASURE_POPULATIONS)),
    )


def population_rows(evidence: MeasureEvidence) -> list[dict[str, Any]]:
    """The parameters of each population, as an edition carries them."""
    return [
        {
            **measure._asdict(),
            "snapshot_ts": population.snapshot_ts,
            "content_hash": population.content_hash,
            **population.scale._asdict(),
        }
        for measure, population in sorted(
            evidence.populations.items(), key=lambda item: item[0].sort_key
        )
    ]


class _Signs:
    """Of each measure that is used, +1 where more is better and -1 where less is."""

    def __init__(self, uses: Iterable[BenchmarkUse]) -> None:
        self._uses: dict[tuple[str, str], list[BenchmarkUse]] = {}
        for use in uses:
            self._uses.setdefault((use.source, use.name), []).append(use)

    def of(self, row: Mapping[str, Any]) -> float | None:
        """None where the measure is not used, or has another unit than is known."""
        if row["category"] is None:
            return 1.0
        for use in self._uses.get((row["source"], row["name"]), ()):
            if use.category in (None, row["category"]) and use.unit == row["unit"]:
                return 1.0 if use.higher_is_better else -1.0
        return None


def _with_errors(
    rows: list[dict[str, Any]], sources: Mapping[str, SourceSettings]
) -> list[dict[str, Any]]:
    """The rows, those of an index that is one benchmark's score with that benchmark's error."""
    errors = {
        (row["source"], row["name"], row["category"], row["canonical_model_key"]): row["stderr"]
        for row in rows
        if row["category"] is not None and row["stderr"] is not None
    }
    origins = {
        (source, column): origin
        for source, config in sources.items()
        for column, origin in _benchmarks_of_columns(config)
    }

    def error(row: Mapping[str, Any]) -> float | None:
        if row["category"] is not None or (row["source"], row["name"]) not in origins:
            own: float | None = row["stderr"]
            return own
        name, category, scale = origins[row["source"], row["name"]]
        found = errors.get((row["source"], name, category, row["canonical_model_key"]))
        return None if found is None else scale * found

    return [{**row, "stderr": error(row)} for row in rows]


def _benchmarks_of_columns(
    config: SourceSettings,
) -> Iterator[tuple[str, tuple[str, str, float]]]:
    """Index columns that are one benchmark's score: its name and category, and how many points of
    the index make one of the score."""
    for category, column in config.categories.items():
        if config.benchmark is not None:
            yield column, (config.benchmark, category, 1.0)
    for rule in config.benchmarks.values():
        if rule.column is not None:
            (category,) = rule.scores
            yield rule.column, (rule.name, category, 100.0 if rule.unit == "fraction" else 1.0)


def _signed(rows: Iterable[Mapping[str, Any]], signs: _Signs) -> Iterator[dict[str, Any]]:
    """The rows whose measure is used, with more being better. One at a time: populations of years
    are many rows."""
    for row in rows:
        if (sign := signs.of(row)) is not None:
            yield {**row, "value": sign * row["value"]}


def _measure(row: Mapping[str, Any]) -> MeasureKey:
    return MeasureKey(row["source"], row["name"], row["category"], row["index_version"])


def _reading(row: Mapping[str, Any]) -> MeasureReading:
    return MeasureReading(
        row["canonical_model_key"],
        row["base_model"],
        _measure(row),
        row["value"],
        row["stderr"],
        row["verified"],
    )


def _populations(rows: Iterable[Mapping[str, Any]]) -> dict[MeasureKey, Population]:
    """Of rows in which those of a measure stand together."""
    found = {}
    for measure, group in groupby(rows, _measure):
        members = list(group)
        found[measure] = Population(
            measure,
            iso(members[0]["snapshot_ts"]),
            members[0]["content_hash"],
            tuple((row["canonical_model_key"], row["value"]) for row in members),
        )
    return found
