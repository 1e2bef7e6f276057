"""`python -m llmrec_pipeline_tests.faults.operations NAME FOLDER [CRASH_AT]`: one storage operation, to be
killed, or to end itself at a crash point; at none of -1, and then it tells the points on stderr.

It says `ready` when its imports are done, waits for a line, and then acknowledges on a line each
whatever it has made durable. Each operation has a `prepare` that lays out its folder, and an
`inspect` that says what is left of what was acknowledged, and whether the next call heals.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmrec_pipeline.locations import Locations
from llmrec_pipeline_tests.faults.crash_points import CrashPoints
from llmrec_pipeline_tests.faults.outcome import Outcome

if TYPE_CHECKING:
    import duckdb

_PULLS = 24
_LANDINGS = 100
_DECISIONS = 100
_MIGRATIONS = 3
_FIRST_SCHEMA = "0001"
_EVENTS = 30_000
# Of another log, and on the first days of the one that is imported, too.
_EVENTS_BEFORE = 100
# What they are told by fits in a pipe that nobody reads until they end.
_ANSWERS = 2_000
_GROUP = 7
_SPOOLED_IDS = {f"{number:04}" for number in range(60)}
_NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
_MAPPING = """
source: invented
fields:
  event_id: event_id
  started_at: started_at
  operation_name: {constant: chat}
  provider_name: {constant: laboratory}
  response_model: response_model
  input_tokens: input_tokens
  output_tokens: output_tokens
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is killed: `run` yields what it has made durable; `inspect` adds to an outcome."""

    prepare: Callable[[Path], None]
    run: Callable[[Path], Iterator[str]]
    inspect: Callable[[Path, Sequence[str], Outcome], None]


# landing, loading, publishing -----------------------------------------------------------------------


def _land_some(data: Path, first: int, count: int) -> Iterator[str]:
    from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at, models

    folder = DataFolder(data)
    for number in range(first, first + count):
        scores = [_score(number)]
        folder.land(AA, at(number), models(20, quality_index=number / 7), benchmarks=scores)
        yield str(number)


def _score(number: int) -> dict[str, Any]:
    return {
        "source_model_id": "id-001",
        "model_name": "Invented 1",
        "benchmark_name": "riddles",
        "category": "overall",
        "score": float(number),
        "unit": "points",
    }


def _nothing(data: Path) -> None:
    """An empty folder."""
    data.mkdir(parents=True)


def _pulls_landed(data: Path) -> None:
    list(_land_some(data, 0, _PULLS))


def _edition_published(data: Path) -> None:
    from llmrec_pipeline_tests.storage.pulled import DataFolder, at

    list(_land_some(data, 0, 2))
    DataFolder(data).refresh(at(1))
    list(_land_some(data, 2, 1))


def _load(data: Path) -> Iterator[str]:
    from llmrec_pipeline.storage.loading import load
    from llmrec_pipeline_tests.storage.pulled import DataFolder

    folder = DataFolder(data)
    with folder.open() as con:
        load(con, folder.lake)
    yield "loaded"


def _publish(data: Path) -> Iterator[str]:
    from llmrec_pipeline_tests.storage.pulled import DataFolder, at

    yield DataFolder(data).refresh(at(2)).edition.name


def _inspect_lake(data: Path, told: Sequence[str], outcome: Outcome) -> None:
    from llmrec_pipeline.storage.files import sha256_of
    from llmrec_pipeline.storage.loading import load
    from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at

    folder = DataFolder(data)
    records = list(folder.lake.records(AA))
    moments = {record.observed_at for record in records}
    outcome.lost += sum(at(int(number)) not in moments for number in told)
    for record in records:
        bronze = folder.lake.bronze / AA
        outcome.half += any(sha256_of(bronze / n) != d for n, d in record.files.items())
    # What was killed on its way lands again, whole.
    list(_land_some(data, len(records), 1))
    with folder.open() as con:
        loaded = load(con, folder.lake)
    outcome.held += loaded.pulls == len(records) + 1


def _inspect_warehouse(data: Path, _told: Sequence[str], outcome: Outcome) -> None:
    from llmrec_pipeline.storage.loading import load
    from llmrec_pipeline_tests.storage.pulled import DataFolder

    folder = DataFolder(data)
    halves = (
        "SELECT count(*) FROM pull_records AS p WHERE p.rows <> (SELECT count(*) FROM "
        "bronze_models AS b WHERE b.source = p.source AND b.observed_at = p.observed_at)"
    )
    # What is told of the rows beside them: how many values a file holds, and where content stands.
    counted = (
        "SELECT source, observed_at, 'quality_index' AS name, count(quality_index) AS n "
        "FROM bronze_models GROUP BY ALL UNION ALL SELECT source, observed_at, benchmark_name, "
        "count(*) FROM bronze_benchmarks GROUP BY ALL"
    )
    held = (
        "SELECT source, observed_at, name, n FROM measures_held "
        "WHERE name = 'quality_index' OR category IS NOT NULL"
    )
    miscounted = (
        f"SELECT count(*) FROM (({counted}) EXCEPT ({held})) "
        f"UNION ALL SELECT count(*) FROM (({held}) EXCEPT ({counted}))"
    )
    unplaced = (
        "SELECT count(*) FROM pull_records AS p ANTI JOIN contents AS c "
        "ON p.source = c.source AND p.content_hash = c.content_hash"
    )

    def halves_of(con: duckdb.DuckDBPyConnection) -> int:
        told = (row for each in (halves, miscounted, unplaced) for row in con.sql(each).fetchall())
        return sum(number for (number,) in told)

    with folder.open() as con:
        outcome.half += halves_of(con)
        load(con, folder.lake)
        outcome.half += halves_of(con)
        pulls, rows = con.sql(
            "SELECT count(DISTINCT observed_at), count(*) FROM bronze_models"
        ).fetchall()[0]
    outcome.lost += _PULLS - pulls
    outcome.held += (pulls, rows) == (_PULLS, _PULLS * 20)


def _inspect_edition(data: Path, told: Sequence[str], outcome: Outcome) -> None:
    import polars as pl

    from llmrec_pipeline.storage.editions import EditionError, current_edition, list_editions
    from llmrec_pipeline_tests.storage.pulled import DataFolder, at

    folder = DataFolder(data)
    names = [edition.name for edition in list_editions(folder.published)]
    outcome.lost += sum(name not in names for name in told)
    current = current_edition(folder.published)
    outcome.lost += current is None or current.name not in names
    for edition in list_editions(folder.published):
        try:
            edition.verify()
            edition.ranking()
        except EditionError as error:
            outcome.half += 1
            outcome.tell(str(error))
    after = folder.refresh(at(2) + timedelta(minutes=1))
    left = [path.name for path in folder.published.glob(".*")]
    # A key that was cited is recorded for good.
    recorded = folder.settings.locations.published_keys.read_text("utf-8")
    keys = pl.read_parquet(after.edition.table("model_identity_map"))["canonical_model_key"]
    outcome.lost += sum(f'"{key}"' not in recorded for key in keys.drop_nulls())
    outcome.held += after.edition.ranking()["snapshot_ts"] is not None and not left


# the evidence store ------------------------------------------------------------------------------------


def _places(data: Path) -> Locations:
    return Locations(data=data, config=data, offline=True)


def _recommendation_proposed(data: Path) -> None:
    from sqlalchemy import text

    from llmrec_pipeline.storage.evidence_store import migrating

    data.mkdir(parents=True)
    store = migrating.open_store(_places(data), {})
    with store.writing() as session:
        for number in range(_DECISIONS):
            session.execute(
                text(
                    "INSERT INTO model_recommendations (dedupe_hash, created_at, status, "
                    "use_case, current_model, recommended_model, reasoning, confidence, evidence) "
                    "VALUES (:hash, '2026-11-21 12:00:00', 'proposed', 'u', 'a', 'b', 'r', '0.6', "
                    "'{}')"
                ),
                {"hash": str(number)},
            )
    store.close()


def _decide(data: Path) -> Iterator[str]:
    from llmrec_pipeline.storage.evidence_store import migrating
    from llmrec_pipeline.storage.evidence_store.recommendations import decide, find

    store = migrating.open_store(_places(data), {})
    for number in range(1, _DECISIONS + 1):
        with store.writing() as session:
            decide(session, find(session, number), "accepted", "somebody", "why", _NOW)
        yield str(number)


def _inspect_decisions(data: Path, told: Sequence[str], outcome: Outcome) -> None:
    from sqlalchemy import text

    from llmrec_pipeline.storage.evidence_store import migrating
    from llmrec_pipeline.storage.evidence_store.recommendations import decide, find

    store = migrating.open_store(_places(data), {})
    with store.reading() as session:
        accepted = set(
            session.scalars(text("SELECT id FROM model_recommendations WHERE status = 'accepted'"))
        )
        events = list(session.scalars(text("SELECT recommendation_id FROM recommendation_events")))
        sound = session.scalar(text("PRAGMA integrity_check"))
    outcome.lost += len({int(number) for number in told} - accepted) + (sound != "ok")
    outcome.half += len(accepted ^ set(events)) + len(events) - len(set(events))
    with store.writing() as session:
        for number in sorted(set(range(1, _DECISIONS + 1)) - accepted):
            decide(session, find(session, number), "rejected", "somebody", None, _NOW)
    outcome.held += 1
    store.close()


def _migrate(data: Path) -> Iterator[str]:
    """A store that holds rows goes back to its first schema and forward again; an empty one comes
    to have a schema, and loses it."""
    from llmrec_pipeline.storage.evidence_store import migrating

    store = migrating.open_as_it_is(_places(data), {})
    empty = migrating.open_as_it_is(_places(data / "empty"), {})
    for number in range(_MIGRATIONS):
        migrating.downgrade(store, _FIRST_SCHEMA)
        migrating.upgrade(store)
        migrating.upgrade(empty)
        migrating.downgrade(empty, "base")
        yield str(number)


def _inspect_schema(data: Path, _told: Sequence[str], outcome: Outcome) -> None:
    from sqlalchemy import text

    from llmrec_pipeline.storage.evidence_store import migrating

    is_healed = True
    for folder, least, rows in ((data, _FIRST_SCHEMA, _DECISIONS), (data / "empty", None, 0)):
        store = migrating.open_as_it_is(_places(folder), {})
        # All of it or nothing: a chain of revisions is one transaction.
        outcome.half += migrating.current(store) not in (least, migrating.head())
        migrating.upgrade(store)
        with store.reading() as session:
            kept = session.scalar(text("SELECT count(*) FROM model_recommendations"))
        outcome.lost += rows - int(kept)
        is_healed = is_healed and migrating.differences(store) == []
        store.close()
    outcome.held += is_healed


# calls of our own, and served answers --------------------------------------------------------------------


def _calls_logged(data: Path) -> None:
    data.mkdir(parents=True)
    (data / "own.yaml").write_text(_MAPPING)
    _write_log(data / "before.jsonl", "before", _EVENTS_BEFORE, timedelta(minutes=30), days_ago=4)
    list(_import(data, "before.jsonl"))
    _write_log(data / "calls.jsonl", "e", _EVENTS, timedelta(seconds=5), days_ago=3)


def _write_log(path: Path, name: str, count: int, every: timedelta, *, days_ago: int) -> None:
    with path.open("w", encoding="utf-8") as log:
        for number in range(count):
            moment = _NOW - timedelta(days=days_ago) + every * number
            line = {
                "event_id": f"{name}{number}",
                "started_at": moment.isoformat(),
                "response_model": "line-1",
                "input_tokens": 10,
                "output_tokens": 5,
            }
            log.write(json.dumps(line) + "\n")


def _import(data: Path, name: str = "calls.jsonl") -> Iterator[str]:
    from llmrec_pipeline.settings import load_settings
    from llmrec_pipeline.telemetry.formats import LogFormat, open_log, read_mapping
    from llmrec_pipeline.telemetry.importing import Asked, import_log

    settings = load_settings({"LLMREC_DATA_DIR": str(data)})
    mapping = read_mapping(LogFormat.JSONL, settings.locations.config, data / "own.yaml")
    log = open_log(LogFormat.JSONL, str(data / name), mapping)
    done = import_log(log, Asked(mapping), settings, _NOW, lambda *_: None)
    yield str(done.new)


def _inspect_events(data: Path, _told: Sequence[str], outcome: Outcome) -> None:
    # Importing the log again cannot bring back what another one told.
    kept = {name for name in _event_ids(data) if name.startswith("before")}
    outcome.lost += _EVENTS_BEFORE - len(kept)
    list(_import(data))
    names = _event_ids(data)
    outcome.lost += _EVENTS_BEFORE + _EVENTS - len(set(names))
    outcome.half += len(names) - len(set(names))
    outcome.held += len(names) == _EVENTS_BEFORE + _EVENTS


def _event_ids(data: Path) -> list[str]:
    import polars as pl

    events = pl.read_parquet(f"{data}/telemetry/events/day=*/*.parquet", hive_partitioning=False)
    return events["event_id"].to_list()


def _spool(data: Path) -> Iterator[str]:
    from llmrec_pipeline.storage.spool import AnswerSpool

    spool = AnswerSpool(data)
    for number in range(_ANSWERS):
        spool.append(json.dumps(_answer(str(number))), sync=False)
        yield str(number)


def _answer(answer_id: str) -> dict[str, str]:
    fields = ("served_at", "question", "way", "edition", "scorer", "config_hash")
    return {"answer_id": answer_id, **dict.fromkeys(fields, "x"), "answer_json": "x" * 3000}


def _inspect_spool(data: Path, told: Sequence[str], outcome: Outcome) -> None:
    from llmrec_pipeline.storage.spool import AnswerSpool

    stored: list[str] = []
    spool = AnswerSpool(data)
    spool.append(json.dumps(_answer("after")), sync=True)
    spool.drain(lambda records: stored.extend(str(r["answer_id"]) for r in records), _NOW)
    outcome.lost += len(set(told) - set(stored))
    outcome.half += len(stored) - len(set(stored))
    outcome.held += spool.waiting_bytes == 0 and "after" in stored


def _answers_spooled(data: Path) -> None:
    from llmrec_pipeline.storage.spool import AnswerSpool

    data.mkdir(parents=True)
    spool = AnswerSpool(data)
    for answer_id in _SPOOLED_IDS:
        spool.append(json.dumps(_answer(answer_id)), sync=False)


def _drain(data: Path) -> Iterator[str]:
    from llmrec_pipeline.storage.spool import AnswerSpool

    def store(records: Sequence[Mapping[str, Any]]) -> None:
        # What a full disk cut stays a line of its own.
        lines = ["", *(str(record["answer_id"]) for record in records), ""]
        with _stored(data).open("a") as stored:
            stored.write("\n".join(lines))

    yield str(AnswerSpool(data).drain(store, _NOW, _GROUP))


def _inspect_drained(data: Path, _told: Sequence[str], outcome: Outcome) -> None:
    from llmrec_pipeline.storage.spool import AnswerSpool

    list(_drain(data))
    outcome.lost += len(_SPOOLED_IDS - set(_stored(data).read_text().splitlines()))
    outcome.held += AnswerSpool(data).waiting_bytes == 0


def _stored(data: Path) -> Path:
    return data / "stored"


OPERATIONS: dict[str, Operation] = {
    "landing a pull": Operation(_nothing, lambda d: _land_some(d, 0, _LANDINGS), _inspect_lake),
    "loading": Operation(_pulls_landed, _load, _inspect_warehouse),
    "publishing": Operation(_edition_published, _publish, _inspect_edition),
    "deciding": Operation(_recommendation_proposed, _decide, _inspect_decisions),
    "migrating": Operation(_recommendation_proposed, _migrate, _inspect_schema),
    "importing calls": Operation(_calls_logged, _import, _inspect_events),
    "spooling answers": Operation(_nothing, _spool, _inspect_spool),
    "draining answers": Operation(_answers_spooled, _drain, _inspect_drained),
}


def main() -> None:
    name, data, *crash_at = sys.argv[1:]
    points = CrashPoints(int(crash_at[0])) if crash_at else None
    if points:
        points.install()
    steps = OPERATIONS[name].run(Path(data))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for step in steps:
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
    if points:
        sys.stderr.write(json.dumps(points.places))


if __name__ == "__main__":
    main()
