"""`pulls`: the verdict on every pull, derived from the first pull on that has none."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

import duckdb
import polars as pl

from llmrec_pipeline.domain.pulls import (
    AcceptanceRules,
    FoldState,
    PullContent,
    PullSeen,
    believed_from,
    judge,
)
from llmrec_pipeline.domain.rebases import RebaseRules, Scores
from llmrec_pipeline.domain.records import (
    INDEX_COLUMNS,
    PULLS,
    SPEED_COLUMNS,
)
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.code_version import code_version
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import (
    WarehouseError,
    first_row,
    get_meta,
    insert_frame,
    set_meta,
    sql_text,
    touch_months,
    transaction,
)

_RULES = "acceptance_rules"
_INDICES = tuple(c.name for c in INDEX_COLUMNS)
# A constant column is suspicious where a publisher measures or prices, not where it describes.
_JUDGED = (
    *_INDICES,
    *(c.name for c in SPEED_COLUMNS),
    "price_input_per_1m",
    "price_output_per_1m",
    "context_window",
)
# What of a verdict shows in the history.
_SHOWN = (
    "status",
    "reason",
    "rows",
    "rows_previous",
    "index_version",
    "index_version_inferred",
    "rebased",
    "content_hash",
)
_FOLDS: dict[str, Any] = {
    "source": pl.String,
    "snapshot_ts": pl.Datetime("us", "UTC"),
    "state": pl.String,
}


_Read = TypeVar("_Read")


class _ByContent(Mapping[str, _Read]):
    """Something of each of one source's contents by hash, read ahead in the order in which they
    will be asked for.

    `places` says under which observed_at the rows of each content stand in bronze.
    """

    _BATCH = 100

    def __init__(
        self, con: duckdb.DuckDBPyConnection, source: str, places: Mapping[str, datetime]
    ) -> None:
        self._con = con
        self._source = source
        self._places = places
        self._order = list(places)
        self._at = {content_hash: index for index, content_hash in enumerate(self._order)}
        self._cache: OrderedDict[str, _Read] = OrderedDict()

    @abstractmethod
    def _read(self, first: datetime, last: datetime) -> dict[datetime, _Read]:
        """What stands in bronze between two places, both included."""

    @abstractmethod
    def _nothing(self) -> _Read:
        """What a content without rows is."""

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __getitem__(self, content_hash: str) -> _Read:
        if content_hash not in self._cache:
            if content_hash in self._at:
                start = self._at[content_hash]
                wanted = {
                    name: self._places[name] for name in self._order[start : start + self._BATCH]
                }
            else:
                wanted = {content_hash: self._elsewhere(content_hash)}
            found = self._read(min(wanted.values()), max(wanted.values()))
            self._cache.update(
                {name: found.get(place, self._nothing()) for name, place in wanted.items()}
            )
            while len(self._cache) > 2 * self._BATCH:
                self._cache.popitem(last=False)
        self._cache.move_to_end(content_hash)
        return self._cache[content_hash]

    def _elsewhere(self, content_hash: str) -> datetime:
        """The place of a content from before the pulls that are judged now."""
        ((place,),) = self._con.execute(
            "SELECT observed_at FROM contents WHERE source = ? AND content_hash = ?",
            [self._source, content_hash],
        ).fetchall()
        found: datetime = place
        return found


class _Contents(_ByContent[PullContent]):
    """What every pull is judged by."""

    def _read(self, first: datetime, last: datetime) -> dict[datetime, PullContent]:
        counts = ", ".join(f"count({name}), count(DISTINCT {name})" for name in _JUDGED)
        rows = self._con.execute(
            f"""
            SELECT observed_at, list(source_model_id), max(index_version), {counts}
            FROM bronze_models
            WHERE source = ? AND observed_at BETWEEN ? AND ?
            GROUP BY observed_at
            """,
            [self._source, first, last],
        ).fetchall()
        return {
            row[0]: PullContent(
                frozenset(row[1]),
                {column: (row[3 + 2 * at], row[4 + 2 * at]) for at, column in enumerate(_JUDGED)},
                row[2],
            )
            for row in rows
        }

    def _nothing(self) -> PullContent:
        return PullContent(frozenset(), {}, None)


class _IndexValues(_ByContent[Scores]):
    """What a rebase shows in; asked for only beside a pull that names no index version."""

    def _read(self, first: datetime, last: datetime) -> dict[datetime, Scores]:
        frame = self._con.sql(
            f"SELECT observed_at, source_model_id, {', '.join(_INDICES)} FROM bronze_models "
            "WHERE source = ? AND observed_at BETWEEN ? AND ?",
            params=[self._source, first, last],
        ).pl()
        return {
            rows["observed_at"][0]: {name: _values(rows, name) for name in _INDICES}
            for rows in frame.partition_by("observed_at")
        }

    def _nothing(self) -> Scores:
        return {}


def _values(rows: pl.DataFrame, column: str) -> dict[str, float]:
    pairs = zip(rows["source_model_id"].to_list(), rows[column].to_list(), strict=True)
    return {name: value for name, value in pairs if value is not None}


def acceptance_rules(settings: Settings) -> AcceptanceRules:
    """The configured thresholds."""
    acceptance = settings.pipeline.acceptance
    return AcceptanceRules(
        acceptance.max_lost_share,
        acceptance.believe_after_hours,
        acceptance.min_values,
        RebaseRules(**acceptance.rebase.model_dump()),
    )


def judge_pulls(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Derive `pulls` of each source from its first pull on that has no verdict; from the very
    first where the rules or the code that judges are others than last time.

    What to judge is told from the tables, so a process that ended between loading and judging
    leaves nothing out.
    """
    rules = acceptance_rules(settings)
    inferring = [name for name, source in settings.sources.items() if source.infers_index_version]
    rules_text = json.dumps(
        {**asdict(rules), "inferring": sorted(inferring), "code": code_version()}, sort_keys=True
    )
    with transaction(con):
        judged_by_these = get_meta(con, _RULES) == rules_text
        earliest = con.execute(
            "SELECT r.source, min(r.observed_at) FROM pull_records AS r "
            "LEFT JOIN pulls AS p ON r.source = p.source AND r.observed_at = p.snapshot_ts "
            "WHERE p.source IS NULL OR NOT ? GROUP BY r.source ORDER BY r.source",
            [judged_by_these],
        ).fetchall()
        for source, since in earliest:
            _judge_source(con, source, since, rules, infers=source in inferring)
        set_meta(con, _RULES, rules_text)


def _judge_source(
    con: duckdb.DuckDBPyConnection,
    source: str,
    since: datetime,
    rules: AcceptanceRules,
    *,
    infers: bool,
) -> None:
    before = _shown(con, source, since)
    con.execute("DELETE FROM pulls WHERE source = ? AND snapshot_ts >= ?", [source, since])
    con.execute("DELETE FROM folds WHERE source = ? AND snapshot_ts >= ?", [source, since])
    log = con.execute(
        "SELECT r.observed_at, r.content_hash, r.landed_at, r.parser_version, "
        "CASE WHEN r.bronze IS NULL THEN c.observed_at ELSE r.observed_at END AS place "
        "FROM pull_records AS r LEFT JOIN contents AS c "
        "ON r.source = c.source AND r.content_hash = c.content_hash "
        "WHERE r.source = ? AND r.observed_at >= ? ORDER BY r.observed_at",
        [source, since],
    ).fetchall()
    places: dict[str, datetime] = {}
    for observed_at, content_hash, _, _, place in log:
        if place is None:
            raise WarehouseError(
                f"{source}: no bronze file holds the content of the pull of {iso(observed_at)}; "
                "restore the lake from a backup"
            )
        places.setdefault(content_hash, place)
    verdicts: list[dict[str, Any]] = []
    folds: list[dict[str, Any]] = []
    judged = judge(
        [PullSeen(row[0], row[1]) for row in log],
        _Contents(con, source, places),
        rules,
        fold_state(con, source),
        _IndexValues(con, source, places) if infers else None,
    )
    for (verdict, state), (_, _, landed_at, parser_version, _) in zip(judged, log, strict=True):
        verdicts.append(
            {
                "source": source,
                "snapshot_ts": verdict.observed_at,
                "status": verdict.status,
                "reason": verdict.reason,
                "rows": verdict.rows,
                "rows_previous": verdict.rows_previous,
                "index_version": verdict.index_version,
                "index_version_inferred": verdict.index_version_inferred,
                "rebased": verdict.rebased,
                "content_hash": verdict.content_hash,
                "landed_at": landed_at,
                "parser_version": parser_version,
            }
        )
        folds.append(
            {"source": source, "snapshot_ts": verdict.observed_at, "state": _state_text(state)}
        )
    insert_frame(con, "pulls", pl.DataFrame(verdicts, schema=polars_schema(PULLS)))
    insert_frame(con, "folds", pl.DataFrame(folds, schema=_FOLDS))
    after = _shown(con, source, since)
    touch_months(con, {f"{row[0]:%Y-%m}" for row in before ^ after})
    _note_names(con, source, since, _accepted(before), _accepted(after))


_Shown = frozenset[tuple[Any, ...]]


def _shown(con: duckdb.DuckDBPyConnection, source: str, since: datetime) -> _Shown:
    """What the history shows of pulls: all but the unchanged ones."""
    rows = con.execute(
        f"SELECT snapshot_ts, {', '.join(_SHOWN)} FROM pulls "
        "WHERE source = ? AND snapshot_ts >= ? AND status <> 'unchanged'",
        [source, since],
    ).fetchall()
    return frozenset(rows)


def _accepted(shown: _Shown) -> set[tuple[Any, ...]]:
    """Moment and content of the accepted ones."""
    return {(row[0], row[-1]) for row in shown if row[1] == "accepted"}


def fold_state(con: duckdb.DuckDBPyConnection, source: str) -> FoldState:
    """Where the source's fold stands behind its newest judged pull."""
    row = first_row(
        con,
        "SELECT state FROM folds WHERE source = ? ORDER BY snapshot_ts DESC LIMIT 1",
        [source],
    )
    if row is None:
        return FoldState()
    state = json.loads(row[0])
    since = state["doubted_since"]
    return FoldState(**{**state, "doubted_since": parse_iso(since) if since else None})


def doubted_until(
    con: duckdb.DuckDBPyConnection, settings: Settings, source: str
) -> datetime | None:
    """From when on a further pull of what is quarantined now will be believed."""
    return believed_from(fold_state(con, source), acceptance_rules(settings))


def _state_text(state: FoldState) -> str:
    since = state.doubted_since
    return json.dumps({**asdict(state), "doubted_since": iso(since) if since else None})


def _note_names(
    con: duckdb.DuckDBPyConnection,
    source: str,
    since: datetime,
    before: set[tuple[Any, ...]],
    after: set[tuple[Any, ...]],
) -> None:
    """Keep what the publisher last called each model. Accepted pulls behind all others are added;
    where earlier ones changed, the source's names are gathered anew."""
    if before == after:
        return
    if before:
        con.execute("DELETE FROM source_names WHERE source = ?", [source])
    con.execute(sql_text("note_names"), {"source": source, "since": None if before else since})


def take_verdicts(con: duckdb.DuckDBPyConnection, until: datetime, *, serving_only: bool) -> None:
    """Take over from the warehouse beside this one what it judged up to a moment, so that
    `judge_pulls` finds it done; of the names, all or those of each source's last accepted pull.
    Runs within the caller's transaction."""
    for judged in ("pulls", "folds"):
        con.execute(
            f"INSERT INTO {judged} SELECT * FROM warehouse.{judged} WHERE snapshot_ts <= ?",
            [until],
        )
    con.execute("INSERT INTO meta SELECT * FROM warehouse.meta WHERE name = ?", [_RULES])
    newest = con.sql(
        "SELECT source, max(snapshot_ts) FROM pulls WHERE status = 'accepted' "
        "GROUP BY source ORDER BY source"
    ).fetchall()
    for source, accepted_at in newest:
        since = accepted_at if serving_only else None
        con.execute(sql_text("note_names"), {"source": source, "since": since})


def rebases(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """By source, the index version that its newest accepted pull opened, and what shows it."""
    rows = con.sql(
        "SELECT source, index_version, rebased, reason FROM pulls WHERE status = 'accepted' "
        "QUALIFY row_number() OVER (PARTITION BY source ORDER BY snapshot_ts DESC) = 1 "
        "ORDER BY source"
    ).fetchall()
    return {
        source: f"index version {version} since this pull: {reason or 'its publisher says so'}"
        for source, version, rebased, reason in rows
        if rebased
    }


def doubts(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Why the newest content of a source is quarantined, by source."""
    rows = con.sql(
        "SELECT source, status, reason FROM pulls WHERE status <> 'unchanged' "
        "QUALIFY row_number() OVER (PARTITION BY source ORDER BY snapshot_ts DESC) = 1 "
        "ORDER BY source"
    ).fetchall()
    return {source: reason for source, status, reason in rows if status == "quarantined"}
