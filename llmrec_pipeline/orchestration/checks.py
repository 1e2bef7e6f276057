"""Checks. Those of tables are generated from the schema table; those of serving look at what
stands for each source now. Blocking checks stop what is downstream within the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import duckdb
import polars as pl
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MaterializeResult,
    MetadataValue,
)

from llmrec_pipeline.domain.measure_choice import CONSENSUS
from llmrec_pipeline.domain.records import TASK_RANKINGS
from llmrec_pipeline.domain.scorers import WEIGHTED
from llmrec_pipeline.domain.table_schema import Kind, Table
from llmrec_pipeline.orchestration.metadata import markdown
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.judging import doubts, rebases
from llmrec_pipeline.storage.origins import Serving
from llmrec_pipeline.storage.warehouse import first_row

Results = Iterator[MaterializeResult[Any] | AssetCheckResult]
"""What an asset with checks yields."""

PULL_SUCCEEDED = "the_publisher_answered"
STRUCTURE_KNOWN = "the_pages_have_the_known_structure"
VALUES_GOOD = "no_value_was_unreadable"
PULLS_BELIEVED = "the_newest_pulls_are_believed"
SCALES_KEPT = "the_newest_pulls_are_on_the_scale_before"
OBSERVATION_FRESH = "every_source_was_seen_lately"
NO_FALLBACK = "no_source_is_replaced_by_its_fixture"
NAMES_KNOWN = "most_names_are_identified"
TELEMETRY_RECENT = "telemetry_is_present_and_recent"
MEASURES_UNMIXED = "each_ranking_rests_on_one_measure"
ALERTS_DELIVERED = "every_channel_took_its_alerts"
EVERY_USE_CASE_ANSWERED = "every_use_case_is_answered"

_COLUMNS = "the_columns_are_those_of_the_schema"
_ROWS = "there_are_rows"
_EMPTY = {
    TASK_RANKINGS.name: "nothing is ranked: no source that measures models serves; switch one on in "
    "sources.yaml, or run `llmrec sources` to see why none does"
}
_KEY = "the_key_is_unique"
_REQUIRED = "required_columns_are_filled"
_RANGE = "values_are_within_range"


def table_check_specs(table: Table, asset: AssetKey) -> list[AssetCheckSpec]:
    """Blocking checks of one table, from its entry in the schema table."""
    key = ", ".join(table.key)
    required = ", ".join(column.name for column in table.columns if column.required)
    specs = [
        AssetCheckSpec(
            _COLUMNS,
            asset=asset,
            blocking=True,
            description="Every column of the schema table is there, and no other.",
        ),
        AssetCheckSpec(_ROWS, asset=asset, blocking=True, description="The table is not empty."),
        AssetCheckSpec(_KEY, asset=asset, blocking=True, description=f"No two rows share {key}."),
        AssetCheckSpec(
            _REQUIRED, asset=asset, blocking=True, description=f"Never NULL: {required}."
        ),
    ]
    if _bounds(table):
        specs.append(
            AssetCheckSpec(
                _RANGE,
                asset=asset,
                blocking=True,
                description="Every number is finite and within the range of its column.",
            )
        )
    return specs


def check_table(
    con: duckdb.DuckDBPyConnection, table: Table, asset: AssetKey
) -> Iterator[AssetCheckResult]:
    """Results for `table_check_specs`, one query each."""
    found = con.sql(f"SELECT * FROM {table.name} LIMIT 0").columns
    missing_columns = sorted(set(table.names) - set(found))
    unknown_columns = sorted(set(found) - set(table.names))
    yield _result(
        asset,
        _COLUMNS,
        not missing_columns and not unknown_columns,
        {
            "missing": MetadataValue.json(missing_columns),
            "unknown": MetadataValue.json(unknown_columns),
        },
        f"missing {missing_columns}, unknown {unknown_columns}",
    )
    if missing_columns:
        # The other checks would ask for columns that are not there.
        return
    rows = count_rows(con, f"SELECT count(*) FROM {table.name}")
    yield _result(
        asset, _ROWS, rows > 0, {"rows": rows}, _EMPTY.get(table.name, "the table is empty")
    )
    keys = ", ".join(table.key)
    doubles = con.sql(
        f"SELECT {keys}, count(*) AS copies FROM {table.name} GROUP BY {keys} "
        "HAVING count(*) > 1 LIMIT 5"
    ).pl()
    yield _result(
        asset,
        _KEY,
        doubles.is_empty(),
        {"examples": markdown(doubles.to_dicts(), doubles.columns)},
        f"several rows share one key, such as {_example(doubles, table)}",
    )
    missing = _counts(
        con,
        table,
        {column.name: f"{column.name} IS NULL" for column in table.columns if column.required},
    )
    yield _result(
        asset,
        _REQUIRED,
        not missing,
        {"missing": MetadataValue.json(missing)},
        f"NULL in {_counted(missing)}",
    )
    bounds = _bounds(table)
    if bounds:
        outside = _counts(con, table, bounds)
        yield _result(
            asset,
            _RANGE,
            not outside,
            {"outside": MetadataValue.json(outside)},
            f"out of range in {_counted(outside)}",
        )


def _example(doubles: pl.DataFrame, table: Table) -> str:
    row = next(doubles.iter_rows(named=True), {})
    return ", ".join(str(row.get(name)) for name in table.key)


def _counted(found: dict[str, int]) -> str:
    return ", ".join(f"{name} ({rows} rows)" for name, rows in found.items())


def _bounds(table: Table) -> dict[str, str]:
    conditions = {}
    for column in table.columns:
        parts = []
        if column.minimum is not None:
            parts.append(f"{column.name} < {column.minimum}")
        if column.maximum is not None:
            parts.append(f"{column.name} > {column.maximum}")
        if column.kind is Kind.REAL:
            parts.append(f"NOT isfinite({column.name})")
        if parts:
            conditions[column.name] = " OR ".join(parts)
    return conditions


def _counts(
    con: duckdb.DuckDBPyConnection, table: Table, conditions: dict[str, str]
) -> dict[str, int]:
    """How many rows meet each condition, where any do."""
    counts = ", ".join(f"count(*) FILTER (WHERE {text})" for text in conditions.values())
    row = first_row(con, f"SELECT {counts} FROM {table.name}")
    return {name: count for name, count in zip(conditions, row or (), strict=True) if count}


def count_rows(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one number that a query gives; 0 where it gives none."""
    row = first_row(con, query)
    return int(row[0] or 0) if row else 0


def _result(
    asset: AssetKey, name: str, passed: bool, metadata: dict[str, object], problem: str
) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=passed,
        severity=AssetCheckSeverity.ERROR,
        description=None if passed else problem,
        metadata=metadata,  # type: ignore[arg-type]
    )


def warning(asset: AssetKey, name: str, problems: Sequence[str]) -> AssetCheckResult:
    """A check that never blocks: passed where there is no problem, else one line a problem."""
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not problems,
        severity=AssetCheckSeverity.WARN,
        description="; ".join(problems) or None,
        metadata={"problems": len(problems)},
    )


def stale_sources(serving: Sequence[Serving], settings: Settings, now: datetime) -> list[str]:
    """Enabled sources whose newest believed observation is older than the schedule allows."""
    problems = []
    for entry in serving:
        if not settings.sources[entry.source].enabled or entry.origin == "live":
            continue
        if entry.verified_at is None:
            problems.append(f"{entry.source}: nothing serves")
        else:
            hours = (now - entry.verified_at).total_seconds() / 3600
            seen = f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
            problems.append(f"{entry.source}: {entry.origin}, seen {seen} ago")
    return problems


def replaced_sources(serving: Sequence[Serving]) -> list[str]:
    """Sources for which bundled facts stand in."""
    return [
        f"{entry.source}: bundled facts of {entry.snapshot_ts:%Y-%m-%d} are used"
        for entry in serving
        if entry.origin == "fixture"
    ]


def doubted_pulls(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Sources whose newest content is quarantined, with the reason."""
    return [f"{source}: {reason}" for source, reason in doubts(con).items()]


def rebased_sources(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Sources whose newest accepted pull is on another index scale than the one before it."""
    return [f"{source}: {what}" for source, what in rebases(con).items()]


def unknown_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Sources with more than a tenth of their names waiting for a person to decide."""
    rows = con.sql(
        """
        SELECT source, count(*) FILTER (WHERE unknown), count(*)
        FROM (
            SELECT source, false AS unknown FROM model_identity_map
            UNION ALL
            SELECT source, true FROM model_identity_review WHERE used_id IS NULL
        )
        GROUP BY source ORDER BY source
        """
    ).fetchall()
    return [
        f"{source}: {unknown} of {names} names wait for review"
        for source, unknown, names in rows
        if unknown * 10 > names
    ]


def missing_telemetry(newest: datetime | None, now: datetime, recent_days: int) -> list[str]:
    """That no call of ours is known, or none of late; `newest` is the start of the last one."""
    if newest is None:
        return ["no calls of our own in the window; enter some with `llmrec telemetry import`"]
    days = (now - newest).total_seconds() / 86_400
    return [f"the newest call is {days:.0f} days old"] if days > recent_days else []


def mixed_rankings(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Rankings whose rows rest on more than one measure: values that must not be compared. A
    consensus is one scale, whatever publishers a model has in it.
    `weighted_v1` compares them by definition and says so with each of its answers."""
    rows = con.execute(
        """
        SELECT task_type, priority
        FROM task_rankings
        WHERE scorer <> ?
        GROUP BY task_type, priority, scorer
        HAVING count(DISTINCT (
            basis_column, basis_index_version, CASE WHEN basis_column <> ? THEN basis_source END
        )) > 1
        ORDER BY ALL
        """,
        [WEIGHTED, CONSENSUS],
    ).fetchall()
    return [f"{task_type} by {priority}" for task_type, priority in rows]
