"""`pulls`: the verdict on every pull, derived from the first pull on that has none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import duckdb
import polars as pl

from llmrec_pipeline.domain.pulls import (
    AcceptanceRules,
    FoldState,
    PullSeen,
    believed_from,
    judge,
)
from llmrec_pipeline.domain.rebases import RebaseRules
from llmrec_pipeline.domain.records import PULLS
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.code_version import code_version
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.pull_contents import Contents, IndexValues
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
    first where the rules or the code that judges are others than last time. Raises WarehouseError
    where bronze lacks a content.

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
    landed = _landed(con, source, since)
    places = _places(source, landed)
    judged = judge(
        [PullSeen(pull.observed_at, pull.content_hash) for pull in landed],
        Contents(con, source, places),
        rules,
        fold_state(con, source),
        IndexValues(con, source, places) if infers else None,
    )
    verdicts: list[dict[str, Any]] = []
    folds: list[dict[str, Any]] = []
    for (verdict, state), pull in zip(judged, landed, strict=True):
        of_pull = {"source": source, "snapshot_ts": verdict.observed_at}
        logged = {"landed_at": pull.landed_at, "parser_version": pull.parser_version}
        verdicts.append({**of_pull, **asdict(verdict), **logged})
        folds.append({**of_pull, "state": _state_text(state)})
    insert_frame(con, "pulls", pl.DataFrame(verdicts, schema=polars_schema(PULLS)))
    insert_frame(con, "folds", pl.DataFrame(folds, schema=_FOLDS))
    after = _shown(con, source, since)
    touch_months(con, {f"{row[0]:%Y-%m}" for row in before ^ after})
    _note_names(con, source, since, _accepted(before), _accepted(after))


class _Landed(NamedTuple):
    """A pull of the log, and the moment under which its rows stand in bronze."""

    observed_at: datetime
    content_hash: str
    landed_at: datetime
    parser_version: str
    place: datetime | None


def _landed(con: duckdb.DuckDBPyConnection, source: str, since: datetime) -> list[_Landed]:
    """The source's pulls from a moment on, in order."""
    rows = con.execute(
        "SELECT r.observed_at, r.content_hash, r.landed_at, r.parser_version, "
        "CASE WHEN r.bronze IS NULL THEN c.observed_at ELSE r.observed_at END AS place "
        "FROM pull_records AS r LEFT JOIN contents AS c "
        "ON r.source = c.source AND r.content_hash = c.content_hash "
        "WHERE r.source = ? AND r.observed_at >= ? ORDER BY r.observed_at",
        [source, since],
    ).fetchall()
    return [_Landed(*row) for row in rows]


def _places(source: str, landed: Sequence[_Landed]) -> dict[str, datetime]:
    """Where in bronze each content stands first; raises WarehouseError for one that is nowhere."""
    places: dict[str, datetime] = {}
    for pull in landed:
        if pull.place is None:
            raise WarehouseError(
                f"{source}: no bronze file holds the content of the pull of "
                f"{iso(pull.observed_at)}; restore the lake from a backup"
            )
        places.setdefault(pull.content_hash, pull.place)
    return places


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
