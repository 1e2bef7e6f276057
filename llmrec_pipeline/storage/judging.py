"""`pulls`: the verdict on every pull, derived from the first changed moment on."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import duckdb
import polars as pl

from llmrec_pipeline.domain.pulls import (
    AcceptanceRules,
    FoldState,
    PullContent,
    PullSeen,
    judge,
)
from llmrec_pipeline.domain.records import (
    INDEX_COLUMNS,
    PULLS,
    SPEED_COLUMNS,
)
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import (
    get_meta,
    insert_frame,
    set_meta,
    sql_text,
    touch_months,
    transaction,
)

# A constant column is suspicious where a publisher measures or prices, not where it describes.
_JUDGED = (*(c.name for c in INDEX_COLUMNS), *(c.name for c in SPEED_COLUMNS), "price_input_per_1m")


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
        first, last = self._con.execute(
            "SELECT min(observed_at), max(observed_at) FROM contents "
            "WHERE source = ? AND list_contains(?, content_hash)",
            [self._source, list(wanted)],
        ).fetchall()[0]
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
            [self._source, first, last, list(wanted)],
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
    touch_months(con, {f"{verdict['snapshot_ts']:%Y-%m}" for verdict in verdicts})
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


def _note_names(con: duckdb.DuckDBPyConnection, source: str, since: datetime | None) -> None:
    """Keep what each publisher last called each model. A late pull recomputes the source."""
    if since is None:
        con.execute("DELETE FROM source_names WHERE source = ?", [source])
    con.execute(sql_text("note_names"), {"source": source, "since": since})
