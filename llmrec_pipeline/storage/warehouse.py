"""The warehouse: DuckDB tables derived from the lake, incrementally, rebuilt at will.

Its content is a pure function of pull records, bronze, bundled fixtures, configuration and code,
and of the moment it is asked for only through the origins. The steps of a refresh, in order:
`load`, `judge_pulls`, `map_identities`, `serve`; each is one transaction and may be repeated.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.pulls import (
    AcceptanceRules,
    FoldState,
    PullContent,
    PullSeen,
    judge,
)
from llmrec_pipeline.domain.records import (
    BENCHMARK_RESULTS,
    BRONZE_MODELS,
    INDEX_COLUMNS,
    MODEL_IDENTITY_MAP,
    MODEL_IDENTITY_REVIEW,
    MODELS_SNAPSHOT,
    PULLS,
    SNAPSHOT_TS,
    SPEED_COLUMNS,
    TASK_RANKINGS,
    Column,
    Kind,
    Table,
)
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.settings import Settings, WarehouseSettings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import Lake, PullRecord, polars_schema

_SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.REAL: "DOUBLE",
    Kind.INTEGER: "BIGINT",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMPTZ",
}
_VIEWS = (
    "silver_models",
    "models_history",
    "model_offerings",
    "offerings_latest",
    "measures_latest",
    "models_latest",
)
# A constant column is suspicious where a publisher measures or prices, not where it describes.
_JUDGED = (*(c.name for c in INDEX_COLUMNS), *(c.name for c in SPEED_COLUMNS), "price_input_per_1m")
_ORIGIN = Column("origin", Kind.TEXT, "live, cached or fixture", required=True)


class WarehouseError(Exception):
    """The warehouse cannot be used. One line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought in."""

    pulls: int
    rows: int
    earliest: Mapping[str, datetime]  # by source, the first moment that is new


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


def ddl(table: Table, *, name: str | None = None, extra: Sequence[Column] = ()) -> str:
    """CREATE TABLE for one entry of the schema table."""
    columns = ", ".join(
        f"{column.name} {_SQL_TYPES[column.kind]}{' NOT NULL' if column.required else ''}"
        for column in (*table.columns, *extra)
    )
    return f"CREATE TABLE IF NOT EXISTS {name or table.name} ({columns})"


def _statements() -> list[str]:
    return [
        ddl(BRONZE_MODELS),
        ddl(BENCHMARK_RESULTS, name="bronze_benchmarks"),
        ddl(PULLS),
        ddl(MODEL_IDENTITY_MAP),
        ddl(MODEL_IDENTITY_REVIEW),
        ddl(TASK_RANKINGS),
        ddl(MODELS_SNAPSHOT, name="serving_models", extra=(_ORIGIN, SNAPSHOT_TS)),
        ddl(BENCHMARK_RESULTS, name="serving_benchmarks"),
        "CREATE TABLE IF NOT EXISTS meta (name VARCHAR PRIMARY KEY, value VARCHAR)",
        "CREATE TABLE IF NOT EXISTS log_offsets (path VARCHAR PRIMARY KEY, position BIGINT)",
        "CREATE TABLE IF NOT EXISTS pull_records (source VARCHAR, observed_at TIMESTAMPTZ, "
        "landed_at TIMESTAMPTZ, content_hash VARCHAR, parser_version VARCHAR, "
        "index_version VARCHAR, rows BIGINT, bronze VARCHAR)",
        "CREATE TABLE IF NOT EXISTS contents (source VARCHAR, content_hash VARCHAR, "
        "observed_at TIMESTAMPTZ, PRIMARY KEY (source, content_hash))",
        "CREATE TABLE IF NOT EXISTS folds (source VARCHAR, snapshot_ts TIMESTAMPTZ, state VARCHAR)",
        "CREATE TABLE IF NOT EXISTS history_months (month VARCHAR PRIMARY KEY, generation VARCHAR)",
        "CREATE TABLE IF NOT EXISTS source_names (source VARCHAR, source_model_id VARCHAR, "
        "model_name VARCHAR, creator VARCHAR, host VARCHAR, release_date DATE, "
        "last_seen TIMESTAMPTZ, PRIMARY KEY (source, source_model_id))",
        "CREATE TABLE IF NOT EXISTS serving (source VARCHAR PRIMARY KEY, origin VARCHAR, "
        "snapshot_ts TIMESTAMPTZ, verified_at TIMESTAMPTZ, content_hash VARCHAR, "
        "index_version VARCHAR, rows BIGINT, accepted_at TIMESTAMPTZ, accepted_content VARCHAR, "
        "in_fixture BOOLEAN)",
        "CREATE TABLE IF NOT EXISTS creator_hosts (creator VARCHAR PRIMARY KEY, host VARCHAR)",
        "CREATE TABLE IF NOT EXISTS source_order (kind VARCHAR, source VARCHAR, position BIGINT)",
        "CREATE TABLE IF NOT EXISTS benchmark_columns (source VARCHAR, category VARCHAR, "
        "measure_column VARCHAR)",
    ]


def sql_text(name: str) -> str:
    """One of the package's .sql files."""
    return importlib.resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")


def schema_hash() -> str:
    """Hash of everything that shapes the tables; another hash means another warehouse."""
    text = "\n".join([*_statements(), *(sql_text(view) for view in _VIEWS)])
    return hashlib.sha256(text.encode()).hexdigest()


def _holder(message: str) -> str:
    match = re.search(r"held in (.+?) \(PID (\d+)\)", message)
    return f"process {match[2]} ({match[1]})" if match else "another process"


@contextmanager
def open_warehouse(
    path: Path,
    limits: WarehouseSettings,
    *,
    read_only: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is always closed. Waits a bounded time for another process to let go of
    the file, then raises WarehouseError naming the holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = monotonic() + limits.lock_wait_s
    config: dict[str, Any] = {
        "memory_limit": f"{limits.max_memory_mb}MB",
        "threads": limits.threads,
    }
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only, config=config)
            break
        except duckdb.IOException as error:
            message = str(error)
            if "lock" not in message.lower():
                raise WarehouseError(
                    f"{path}: {message.splitlines()[0]}; run `llmrec rebuild`"
                ) from None
            if monotonic() >= deadline:
                raise WarehouseError(
                    f"{path}: still held by {_holder(message)} after {limits.lock_wait_s:g} s; "
                    "end it or try again later"
                ) from None
            sleep(0.1)
        except duckdb.Error as error:
            raise WarehouseError(
                f"{path}: {str(error).splitlines()[0]}; run `llmrec rebuild`"
            ) from None
    try:
        connection.execute("SET TimeZone = 'UTC'")
        if not read_only:
            _prepare(connection)
        yield connection
    finally:
        connection.close()


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing; an older shape is dropped, since all of it is derived."""
    tables = {row[0] for row in con.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    wanted = schema_hash()
    if "meta" in tables and get_meta(con, "schema_hash") == wanted:
        return
    with transaction(con):
        for (view,) in con.sql(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall():
            con.execute(f'DROP VIEW "{view}"')
        for table in tables:
            con.execute(f'DROP TABLE "{table}"')
        for statement in _statements():
            con.execute(statement)
        for view in _VIEWS:
            con.execute(sql_text(view))
        set_meta(con, "schema_hash", wanted)


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def get_meta(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """A note that the warehouse keeps about itself."""
    row = con.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
    return row[0] if row else None


def set_meta(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Write such a note."""
    con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])


def insert_frame(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Append a frame by column name; pass the frame's data, not its name, to DuckDB."""
    if frame.is_empty():
        return
    con.register("incoming", frame.to_arrow())
    try:
        con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    finally:
        con.unregister("incoming")


# load ---------------------------------------------------------------------------------------


def load(con: duckdb.DuckDBPyConnection, lake: Lake) -> Loaded:
    """Take in the pull records and bronze files that are new; in one transaction, so that a
    killed load leaves nothing half."""
    with transaction(con):
        records = _new_records(con, lake)
        files = [lake.bronze / record.source / record.bronze for record in records if record.bronze]
        rows = _load_bronze(con, lake, [record for record in records if record.bronze], files)
    earliest: dict[str, datetime] = {}
    for record in records:
        earliest[record.source] = min(
            earliest.get(record.source, record.observed_at), record.observed_at
        )
    return Loaded(len(records), rows, earliest)


def _new_records(con: duckdb.DuckDBPyConnection, lake: Lake) -> list[PullRecord]:
    positions = dict(con.sql("SELECT path, position FROM log_offsets").fetchall())
    records: list[PullRecord] = []
    for source in lake.sources():
        for path in lake.logs(source):
            name = f"{source}/{path.name}"
            start = positions.get(name, 0)
            if path.stat().st_size <= start:
                continue
            position = start
            for record, end in lake.read_log(path, start):
                records.append(record)
                position = end
            con.execute("INSERT OR REPLACE INTO log_offsets VALUES (?, ?)", [name, position])
    if not records:
        return []
    known = set(
        con.execute(
            "SELECT source, observed_at FROM pull_records WHERE observed_at >= ?",
            [min(record.observed_at for record in records)],
        ).fetchall()
    )
    fresh: dict[tuple[str, datetime], PullRecord] = {}
    for record in records:
        key = (record.source, record.observed_at)
        if key not in known:
            fresh.setdefault(key, record)
    ordered = sorted(fresh.values(), key=lambda record: (record.observed_at, record.source))
    if ordered:
        frame = pl.DataFrame(
            [asdict(record) for record in ordered],
            schema={
                "source": pl.String,
                "observed_at": pl.Datetime("us", "UTC"),
                "landed_at": pl.Datetime("us", "UTC"),
                "content_hash": pl.String,
                "parser_version": pl.String,
                "index_version": pl.String,
                "rows": pl.Int64,
                "bronze": pl.String,
            },
        )
        insert_frame(con, "pull_records", frame)
    return ordered


def _load_bronze(
    con: duckdb.DuckDBPyConnection, lake: Lake, records: list[PullRecord], files: list[Path]
) -> int:
    if not files:
        return 0
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise WarehouseError(f"{missing[0]}: recorded in the pull log but missing from the lake")
    columns = ", ".join(f"f.{name}" for name in MODELS_SNAPSHOT.names)
    try:
        con.execute(
            f"""
            INSERT INTO bronze_models BY NAME
            SELECT {columns}, r.content_hash, r.landed_at
            FROM read_parquet(?) AS f
            INNER JOIN pull_records AS r ON f.source = r.source AND f.observed_at = r.observed_at
            ORDER BY f.observed_at, f.source, f.source_model_id
            """,
            [[str(path) for path in files]],
        )
        benchmarks = [
            str(path)
            for record, models in zip(records, files, strict=True)
            if (
                path := models.with_name(
                    str(record.bronze).replace("models_snapshot_", "benchmark_results_")
                )
            ).exists()
        ]
        if benchmarks:
            names = ", ".join(BENCHMARK_RESULTS.names)
            con.execute(
                f"INSERT INTO bronze_benchmarks BY NAME SELECT {names} FROM read_parquet(?) "
                "ORDER BY observed_at, source",
                [benchmarks],
            )
    except duckdb.Error as error:
        raise WarehouseError(_damaged(files, error)) from None
    con.executemany(
        "INSERT INTO contents VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
        "SET observed_at = least(contents.observed_at, excluded.observed_at)",
        [[record.source, record.content_hash, record.observed_at] for record in records],
    )
    return sum(record.rows for record in records)


def _damaged(files: Sequence[Path], error: Exception) -> str:
    """Name the file that cannot be read; the reader's own message seldom does."""
    for path in files:
        try:
            pl.read_parquet_schema(path)
            pl.read_parquet(path, n_rows=1)
        except Exception as damage:  # noqa: BLE001 - any failure names the file
            return f"{path}: damaged: {str(damage).splitlines()[0]}"
    return str(error).splitlines()[0]


# judging ------------------------------------------------------------------------------------


class _Contents(Mapping[str, PullContent]):
    """One source's contents by hash, read in the order in which they will be asked for."""

    _BATCH = 100

    def __init__(self, con: duckdb.DuckDBPyConnection, source: str, order: Sequence[str]) -> None:
        self._con = con
        self._source = source
        self._order = list(dict.fromkeys(order))
        self._at = {content_hash: index for index, content_hash in enumerate(self._order)}
        self._cache: OrderedDict[str, PullContent] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __getitem__(self, content_hash: str) -> PullContent:
        if content_hash not in self._cache:
            start = self._at.get(content_hash)
            wanted = (
                self._order[start : start + self._BATCH] if start is not None else [content_hash]
            )
            for name, content in self._read(wanted):
                self._cache[name] = content
            while len(self._cache) > 2 * self._BATCH:
                self._cache.popitem(last=False)
        self._cache.move_to_end(content_hash)
        return self._cache[content_hash]

    def _read(self, wanted: Sequence[str]) -> Iterator[tuple[str, PullContent]]:
        places = self._con.execute(
            "SELECT min(observed_at), max(observed_at) FROM contents "
            "WHERE source = ? AND list_contains(?, content_hash)",
            [self._source, list(wanted)],
        ).fetchone()
        assert places is not None
        counts = ", ".join(f"count({name}), count(DISTINCT {name})" for name in _JUDGED)
        rows = self._con.execute(
            f"""
            SELECT b.content_hash, list(b.source_model_id), max(b.index_version), {counts}
            FROM bronze_models AS b
            INNER JOIN contents AS c ON b.source = c.source AND b.observed_at = c.observed_at
            WHERE b.source = ? AND b.observed_at BETWEEN ? AND ?
              AND list_contains(?, b.content_hash)
            GROUP BY b.content_hash
            """,
            [self._source, places[0], places[1], list(wanted)],
        ).fetchall()
        for row in rows:
            values = {
                name: (row[3 + 2 * index], row[4 + 2 * index]) for index, name in enumerate(_JUDGED)
            }
            yield row[0], PullContent(frozenset(row[1]), values, row[2])


def judge_pulls(
    con: duckdb.DuckDBPyConnection, settings: Settings, earliest: Mapping[str, datetime]
) -> None:
    """Derive `pulls` from the first changed moment of each source on."""
    acceptance = settings.pipeline.acceptance
    rules = AcceptanceRules(
        acceptance.max_lost_share, acceptance.believe_after_hours, acceptance.min_values
    )
    rules_text = json.dumps(asdict(rules), sort_keys=True)
    with transaction(con):
        if get_meta(con, "acceptance_rules") != rules_text:
            earliest = dict(
                con.sql("SELECT source, min(observed_at) FROM pull_records GROUP BY 1").fetchall()
            )
            set_meta(con, "acceptance_rules", rules_text)
        for source, since in sorted(earliest.items()):
            _judge_source(con, source, since, rules)


def _judge_source(
    con: duckdb.DuckDBPyConnection, source: str, since: datetime, rules: AcceptanceRules
) -> None:
    judged_later = con.execute(
        "SELECT count(*) FROM pulls WHERE source = ? AND snapshot_ts >= ?", [source, since]
    ).fetchone()
    con.execute("DELETE FROM pulls WHERE source = ? AND snapshot_ts >= ?", [source, since])
    con.execute("DELETE FROM folds WHERE source = ? AND snapshot_ts >= ?", [source, since])
    state = _fold_state(con, source)
    log = con.execute(
        "SELECT observed_at, content_hash, landed_at, parser_version FROM pull_records "
        "WHERE source = ? AND observed_at >= ? ORDER BY observed_at",
        [source, since],
    ).fetchall()
    pulls = [PullSeen(row[0], row[1]) for row in log]
    about = {row[0]: (row[2], row[3]) for row in log}
    needed = [state.accepted] if state.accepted else []
    contents = _Contents(con, source, [*needed, *(pull.content_hash for pull in pulls)])
    verdicts = []
    folds = []
    for verdict, state_after in judge(pulls, contents, rules, state):
        landed_at, parser_version = about[verdict.observed_at]
        verdicts.append(
            {
                "source": source,
                "snapshot_ts": verdict.observed_at,
                "status": verdict.status,
                "reason": verdict.reason,
                "rows": verdict.rows,
                "rows_previous": verdict.rows_previous,
                "index_version": verdict.index_version,
                "index_version_inferred": False,
                "rebased": verdict.rebased,
                "content_hash": verdict.content_hash,
                "landed_at": landed_at,
                "parser_version": parser_version,
            }
        )
        folds.append(
            {
                "source": source,
                "snapshot_ts": verdict.observed_at,
                "state": _state_text(state_after),
            }
        )
    insert_frame(con, "pulls", pl.DataFrame(verdicts, schema=polars_schema(PULLS)))
    insert_frame(
        con,
        "folds",
        pl.DataFrame(
            folds,
            schema={
                "source": pl.String,
                "snapshot_ts": pl.Datetime("us", "UTC"),
                "state": pl.String,
            },
        ),
    )
    _touch_months(con, {f"{verdict['snapshot_ts']:%Y-%m}" for verdict in verdicts})
    rejudged = bool(judged_later and judged_later[0])
    _note_names(con, source, None if rejudged else since)


def _fold_state(con: duckdb.DuckDBPyConnection, source: str) -> FoldState:
    row = con.execute(
        "SELECT state FROM folds WHERE source = ? ORDER BY snapshot_ts DESC LIMIT 1", [source]
    ).fetchone()
    if row is None:
        return FoldState()
    state = json.loads(row[0])
    since = state["doubted_since"]
    return FoldState(
        state["accepted"],
        state["previous"],
        state["doubted"],
        parse_iso(since) if since else None,
    )


def _state_text(state: FoldState) -> str:
    since = state.doubted_since
    return json.dumps({**asdict(state), "doubted_since": iso(since) if since else None})


def _touch_months(con: duckdb.DuckDBPyConnection, months: set[str] | None) -> None:
    """Give months of history a new generation; None means all of them."""
    if months is None:
        con.execute("UPDATE history_months SET generation = uuid()")
    for month in sorted(months or ()):
        con.execute(
            "INSERT INTO history_months VALUES (?, uuid()) "
            "ON CONFLICT DO UPDATE SET generation = excluded.generation",
            [month],
        )


def _note_names(con: duckdb.DuckDBPyConnection, source: str, since: datetime | None) -> None:
    """Keep what each publisher last called each model. A late pull recomputes the source."""
    if since is None:
        con.execute("DELETE FROM source_names WHERE source = ?", [source])
    con.execute(sql_text("note_names"), {"source": source, "since": since})


# identity -----------------------------------------------------------------------------------


def map_identities(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture | None
) -> None:
    """Resolve every name that the accepted pulls and the fixture use."""
    rules = IdentityRules(settings.identity)
    names = _names(con, settings, fixture)
    resolved: list[dict[str, Any]] = []
    review: list[dict[str, Any]] = []
    for name in names:
        outcome = rules.resolve(name)
        row = {
            "source": name.source,
            "source_model_id": name.source_model_id,
            "model_name": name.model_name,
        }
        if isinstance(outcome, Identity):
            host, offering = _offering(outcome, rules, settings.sources[name.source].offers_at)
            resolved.append(
                {
                    **row,
                    "canonical_model_key": outcome.canonical_model_key,
                    "base_model": outcome.base_model,
                    "variant": outcome.variant,
                    "model_creator": outcome.creator,
                    "serving_host": host,
                    "offering_key": offering,
                    "identity_method": outcome.method,
                    "confidence": outcome.confidence,
                }
            )
        else:
            review.append({**row, "reason": outcome.reason, "proposal": outcome.proposal})
    mapped = pl.DataFrame(resolved, schema=polars_schema(MODEL_IDENTITY_MAP))
    with transaction(con):
        before = con.sql("SELECT * FROM model_identity_map").pl()
        if _rekeyed(before, mapped):
            _touch_months(con, None)
        for table, frame in (
            ("model_identity_map", mapped),
            (
                "model_identity_review",
                pl.DataFrame(review, schema=polars_schema(MODEL_IDENTITY_REVIEW)),
            ),
        ):
            con.execute(f"DELETE FROM {table}")
            insert_frame(con, table, frame)
        con.execute("DELETE FROM creator_hosts")
        for creator in sorted({row["model_creator"] for row in resolved}):
            con.execute(
                "INSERT INTO creator_hosts VALUES (?, ?)",
                [creator, rules.own_host(creator) or creator],
            )


def _rekeyed(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether a name that stood in the history means another model now."""
    identity = ["source", "source_model_id"]
    values = ["canonical_model_key", "base_model", "serving_host", "offering_key"]
    both = before.join(after, on=identity, how="left", suffix="_after")
    return any(not both[value].eq_missing(both[f"{value}_after"]).all() for value in values)


def _offering(
    identity: Identity, rules: IdentityRules, offers_at: str
) -> tuple[str | None, str | None]:
    """Host and offering of a row. Where a publisher's prices count as the creator's own host, that
    host's id for the model is not known, and the base name stands for it."""
    if offers_at == "creator":
        host = rules.own_host(identity.creator) or identity.creator
        return host, f"{host}|{identity.base_model.split('/', 1)[1]}"
    if offers_at == "row":
        return identity.host, identity.offering_key
    return None, None


def _names(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture | None
) -> list[SourceName]:
    rows = con.sql(
        "SELECT source, source_model_id, model_name, creator, host, release_date "
        "FROM source_names ORDER BY source, source_model_id"
    ).fetchall()
    names = {(row[0], row[1]): SourceName(*row) for row in rows if row[0] in settings.sources}
    for source in fixture.sources() if fixture else ():
        for model in fixture.parsed(source).models if fixture else ():
            names.setdefault(
                (source, model["source_model_id"]),
                SourceName(
                    source,
                    model["source_model_id"],
                    model.get("model_name"),
                    model.get("creator"),
                    model.get("host"),
                    model.get("release_date"),
                ),
            )
    return list(names.values())


# serving ------------------------------------------------------------------------------------


def serve(
    con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime, fixture: Fixture | None
) -> list[Serving]:
    """Choose for each source what stands for it now, and copy those rows: live, cached, fixture
    or nothing. Everything that ranks reads these copies, so its cost does not grow with history."""
    serving = [_serving(con, settings, source, now, fixture) for source in settings.sources]
    with transaction(con):
        for table in ("serving", "serving_models", "serving_benchmarks"):
            con.execute(f"DELETE FROM {table}")
        for entry in serving:
            con.execute(
                f"INSERT INTO serving VALUES ({', '.join('?' * len(astuple(entry)))})",
                list(astuple(entry)),
            )
            if entry.origin == "fixture" and fixture is not None:
                _serve_fixture(con, entry.source, fixture)
            elif entry.origin in ("live", "cached"):
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
        fixture is not None and settings.sources[source].fixture and source in fixture.sources()
    )
    nothing = Serving(source, "none", None, None, None, None, 0, None, None, in_fixture)
    if not settings.sources[source].enabled:
        return nothing
    row = con.execute(sql_text("newest_accepted"), {"source": source}).fetchone()
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
    schema = polars_schema(MODELS_SNAPSHOT)
    models = pl.DataFrame(
        [[{**model, **common}.get(name) for name in schema] for model in parsed.models],
        schema=schema,
        orient="row",
    ).with_columns(origin=pl.lit("fixture"), snapshot_ts=pl.col("observed_at"))
    insert_frame(con, "serving_models", models)
    schema = polars_schema(BENCHMARK_RESULTS)
    benchmarks = pl.DataFrame(
        [[{**row, **common}.get(name) for name in schema] for row in parsed.benchmarks],
        schema=schema,
        orient="row",
    )
    insert_frame(con, "serving_benchmarks", benchmarks)


def _serve_pull(con: duckdb.DuckDBPyConnection, entry: Serving) -> None:
    place = con.execute(
        "SELECT observed_at FROM contents WHERE source = ? AND content_hash = ?",
        [entry.source, entry.content_hash],
    ).fetchone()
    assert place is not None
    names = ", ".join(name for name in MODELS_SNAPSHOT.names if name != "observed_at")
    con.execute(
        f"INSERT INTO serving_models BY NAME SELECT {names}, ? AS observed_at, ? AS origin, "
        "? AS snapshot_ts FROM bronze_models WHERE source = ? AND observed_at = ?",
        [entry.snapshot_ts, entry.origin, entry.snapshot_ts, entry.source, place[0]],
    )
    names = ", ".join(name for name in BENCHMARK_RESULTS.names if name != "observed_at")
    con.execute(
        f"INSERT INTO serving_benchmarks BY NAME SELECT {names}, ? AS observed_at "
        "FROM bronze_benchmarks WHERE source = ? AND observed_at = ?",
        [entry.snapshot_ts, entry.source, place[0]],
    )


def _configure_views(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The orders and mappings that the views read."""
    con.execute("DELETE FROM source_order")
    orders = {
        **settings.pipeline.merge.model_dump(),
        "measures": settings.publisher_order,
    }
    for kind, order in orders.items():
        for position, source in enumerate(order):
            con.execute("INSERT INTO source_order VALUES (?, ?, ?)", [kind, source, position])
    con.execute("DELETE FROM benchmark_columns")
    for name, source in settings.sources.items():
        for category, column in source.categories.items():
            if column not in MODELS_SNAPSHOT.names:
                con.execute(
                    "INSERT INTO benchmark_columns VALUES (?, ?, ?)", [name, category, column]
                )


def read_serving(con: duckdb.DuckDBPyConnection) -> list[Serving]:
    """What `serve` chose last, by source."""
    rows = con.sql("SELECT * FROM serving ORDER BY source").fetchall()
    return [Serving(*row) for row in rows]
