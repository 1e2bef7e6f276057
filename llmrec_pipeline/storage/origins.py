"""Origins: which pull or fixture stands for each source now, and the copies that views read."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta

import duckdb
import polars as pl

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT, PULLED_ORIGINS
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.judging import doubted_until
from llmrec_pipeline.storage.lake import rows_frame
from llmrec_pipeline.storage.warehouse import first_row, insert_frame, replace_rows, sql_text


@dataclass(frozen=True, slots=True)
class Serving:
    """Which pull or fixture stands for a source now."""

    source: str
    origin: str  # live, cached, fixture, none
    snapshot_ts: datetime | None
    verified_at: datetime | None
    content_hash: str | None
    index_version: str | None
    rows: int
    accepted_at: datetime | None  # when the newest accepted pull was last verified
    accepted_content: str | None
    in_fixture: bool
    doubted_until: datetime | None  # from then on, what is quarantined now is believed


def serve(
    con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime, fixture: Fixture | None
) -> list[Serving]:
    """Choose for each source what stands for it now, and copy those rows: live, cached, fixture
    or nothing. Everything that ranks reads these copies, so its cost does not grow with history.
    Runs within the caller's transaction."""
    serving = [_serving(con, settings, source, now, fixture) for source in settings.sources]
    for table in ("serving", "serving_models", "serving_benchmarks"):
        con.execute(f"DELETE FROM {table}")
    for entry in serving:
        values = astuple(entry)
        con.execute(f"INSERT INTO serving VALUES ({', '.join('?' * len(values))})", list(values))
        if entry.origin == "fixture" and fixture is not None:
            _serve_fixture(con, entry.source, fixture)
        elif entry.origin in PULLED_ORIGINS:
            _serve_pull(con, entry)
    _configure_views(con, settings)
    return serving


def _serving(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: str,
    now: datetime,
    fixture: Fixture | None,
) -> Serving:
    in_fixture = (
        fixture is not None
        and settings.sources[source].fixture
        and source in fixture.sources()
        and fixture.observed_at(source) <= now
    )
    nothing = Serving(source, "none", None, None, None, None, 0, None, None, in_fixture, None)
    if not settings.sources[source].enabled:
        return nothing
    nothing = replace(nothing, doubted_until=doubted_until(con, settings, source))
    row = first_row(con, sql_text("newest_accepted"), {"source": source})
    if row is not None:
        snapshot_ts, content_hash, index_version, rows, verified_at = row
        nothing = replace(nothing, accepted_at=verified_at, accepted_content=content_hash)
        origin = origin_at(verified_at, now, settings)
        if origin is not None:
            return replace(
                nothing,
                origin=origin,
                snapshot_ts=snapshot_ts,
                verified_at=verified_at,
                content_hash=content_hash,
                index_version=index_version,
                rows=rows,
            )
    if in_fixture and fixture is not None:
        observed_at = fixture.observed_at(source)
        return replace(
            nothing,
            origin="fixture",
            snapshot_ts=observed_at,
            verified_at=observed_at,
            content_hash=fixture.digest,
            rows=len(fixture.parsed(source).models),
        )
    return nothing


def origin_at(verified_at: datetime, now: datetime, settings: Settings) -> str | None:
    """`live`, `cached`, or None for what is too old to serve."""
    schedule = settings.pipeline.schedule
    age = now - verified_at
    if age <= timedelta(hours=schedule.live_hours):
        return "live"
    return "cached" if age <= timedelta(days=schedule.cached_days) else None


def _serve_fixture(con: duckdb.DuckDBPyConnection, source: str, fixture: Fixture) -> None:
    parsed = fixture.parsed(source)
    common = {
        "source": source,
        "observed_at": fixture.observed_at(source),
        "parser_version": fixture.parser_version(source),
    }
    models = rows_frame(MODELS_SNAPSHOT, parsed.models, common).with_columns(
        origin=pl.lit("fixture"), snapshot_ts=pl.col("observed_at")
    )
    insert_frame(con, "serving_models", models)
    benchmarks = rows_frame(BENCHMARK_RESULTS, parsed.benchmarks, common)
    insert_frame(con, "serving_benchmarks", benchmarks)


def _serve_pull(con: duckdb.DuckDBPyConnection, entry: Serving) -> None:
    ((place,),) = con.execute(
        "SELECT place FROM accepted_pulls WHERE source = ? AND snapshot_ts = ?",
        [entry.source, entry.snapshot_ts],
    ).fetchall()
    names = ", ".join(_as_served(MODELS_SNAPSHOT))
    con.execute(
        f"INSERT INTO serving_models BY NAME SELECT {names}, $version AS index_version, "
        "$moment AS observed_at, $origin AS origin, $moment AS snapshot_ts "
        "FROM bronze_models WHERE source = $source AND observed_at = $place",
        {
            "version": entry.index_version,
            "moment": entry.snapshot_ts,
            "origin": entry.origin,
            "source": entry.source,
            "place": place,
        },
    )
    names = ", ".join(_as_served(BENCHMARK_RESULTS))
    # A benchmark has no share in the version of its publisher's indices.
    con.execute(
        f"INSERT INTO serving_benchmarks BY NAME SELECT {names}, "
        "CASE WHEN unit = 'index' THEN $version ELSE index_version END AS index_version, "
        "$moment AS observed_at "
        "FROM bronze_benchmarks WHERE source = $source AND observed_at = $place",
        {
            "version": entry.index_version,
            "moment": entry.snapshot_ts,
            "source": entry.source,
            "place": place,
        },
    )


def _as_served(table: Table) -> list[str]:
    """The columns that are served as bronze has them; moment and index version are the pull's."""
    return [name for name in table.names if name not in ("observed_at", "index_version")]


def _configure_views(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The orders and mappings that the views read."""
    orders = {
        **settings.pipeline.merge.orders,
        "measures": settings.publisher_order,
        "without_id": [
            name for name, source in settings.sources.items() if source.offers_at == "creator"
        ],
    }
    positions = [
        (kind, source, position)
        for kind, order in orders.items()
        for position, source in enumerate(order)
    ]
    columns = [
        (name, category, column)
        for name, source in settings.sources.items()
        for category, column in source.categories.items()
        if column not in MODELS_SNAPSHOT.names
    ]
    merge = settings.pipeline.merge
    for table, rows, schema in (
        ("source_order", positions, {"kind": pl.String, "source": pl.String, "position": pl.Int64}),
        ("benchmark_columns", columns, ["source", "category", "measure_column"]),
        ("thresholds", [("price_conflict", merge.price_conflict_share)], ["name", "value"]),
    ):
        replace_rows(con, table, pl.DataFrame(rows, schema=schema, orient="row"))


def read_serving(con: duckdb.DuckDBPyConnection) -> list[Serving]:
    """What `serve` chose last, by source."""
    rows = con.sql("SELECT * FROM serving ORDER BY source").fetchall()
    return [Serving(*row) for row in rows]
