"""Served answers on their way to the evidence store: none lost, none stored twice."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.domain.learning import Outcome
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.storage.evidence_store.answers import (
    GivenFeedback,
    UnknownId,
    UserProfile,
    add_answers,
    add_feedback,
    all_users,
    drain_spool,
    find_answer,
    find_user,
    history,
    outcomes,
    put_user,
)
from llmrec_pipeline.storage.evidence_store.models import ModelRuntimeStats
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.spool import AnswerSpool

NOW = datetime(2026, 6, 1, tzinfo=UTC)
# Appends until it is killed, and tells each record once it is written.
_WRITER = """
import json
import sys
from pathlib import Path
from llmrec_pipeline.storage.spool import AnswerSpool
spool = AnswerSpool(Path(sys.argv[1]))
for number in range(10**9):
    name = f"{sys.argv[2]}-{number}"
    record = {"answer_id": name, "served_at": "2026-06-01T00:00:00Z", "question": {}, "way": {},
              "edition": "e",
              "scorer": "s", "config_hash": "c", "answer_json": "x" * 3000}
    spool.append(json.dumps(record), sync=False)
    print(name, flush=True)
"""


def _record(number: int, **values: Any) -> dict[str, Any]:
    return {
        "answer_id": f"id-{number}",
        "served_at": iso(NOW + timedelta(seconds=number)),
        "channel": "api",
        "user_id": "team",
        "question": {"text": "x"},
        "way": {"topk": 1},
        "edition": "e",
        "scorer": "s",
        "config_hash": "c",
        "learned": None,
        "answer_json": '{"score":0.1,"a":"é"}',
        **values,
    }


def test_what_a_killed_process_told_is_there(tmp_path: Path) -> None:
    """Two writers are killed while a drain takes their file away again and again."""
    spool, stored = AnswerSpool(tmp_path), list[str]()

    def keep(records: Sequence[Mapping[str, Any]]) -> None:
        stored.extend(str(record["answer_id"]) for record in records)

    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), name],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(PROJECT_ROOT)},
        )
        for name in ("a", "b")
    ]
    told: list[str] = []
    for _ in range(20):
        for writer in writers:
            assert writer.stdout is not None
            told += [writer.stdout.readline().strip() for _ in range(20)]
        spool.drain(keep, NOW)
    for writer in writers:
        writer.kill()
        told += writer.communicate()[0].split()
    spool.drain(keep, NOW)
    assert set(told) <= set(stored)
    assert len(stored) == len(set(stored))
    assert spool.waiting_bytes == 0


def test_a_record_after_one_that_was_cut_short_is_kept(tmp_path: Path) -> None:
    spool = AnswerSpool(tmp_path)
    spool.append(json.dumps(_record(1)), sync=False)
    path = tmp_path / "spool" / "answers.jsonl"
    path.write_bytes(path.read_bytes() + b'{"answer_id": "cut')
    spool.append(json.dumps(_record(2)), sync=True)
    stored: list[str] = []
    spool.drain(lambda records: stored.extend(r["answer_id"] for r in records), NOW)
    assert stored == ["id-1", "id-2"]


def test_what_is_not_stored_stays_and_what_is_no_record_is_kept_apart(tmp_path: Path) -> None:
    spool = AnswerSpool(tmp_path)
    assert spool.drain(_refuse, NOW) == 0
    spool.append(json.dumps(_record(1)), sync=True)
    with pytest.raises(RuntimeError, match="full"):
        spool.drain(_refuse, NOW)
    with (spool.folder / "answers.jsonl").open("a") as file:
        file.write('{"answer_id": "cut\n\n[1]\n')
    spool.append(json.dumps(_record(2)), sync=False)
    spool.sync()
    stored: list[str] = []
    later = NOW + timedelta(seconds=1)
    assert (
        spool.drain(lambda rows: stored.extend(r["answer_id"] for r in rows), later, group=1) == 2
    )
    assert stored == ["id-1", "id-2"]
    refused = (spool.folder / "refused.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"].strip() for line in refused] == ['{"answer_id": "cut', "[1]"]


def _refuse(_: Sequence[Mapping[str, Any]]) -> None:
    raise RuntimeError("the store is full")


def test_a_drain_by_several_at_once_takes_each_record_once(tmp_path: Path) -> None:
    spool, stored = AnswerSpool(tmp_path), list[str]()
    for number in range(200):
        spool.append(json.dumps(_record(number)), sync=False)
    drains = [
        threading.Thread(
            target=lambda: AnswerSpool(tmp_path).drain(
                lambda rows: stored.extend(r["answer_id"] for r in rows), NOW
            )
        )
        for _ in range(4)
    ]
    for drain in drains:
        drain.start()
    for drain in drains:
        drain.join()
    assert sorted(stored) == sorted(f"id-{number}" for number in range(200))


def test_answers_users_and_outcomes_are_stored(store: EvidenceStore, tmp_path: Path) -> None:
    spool = AnswerSpool(tmp_path)
    for number in range(5):
        spool.append(
            json.dumps(_record(number, learned={"outcomes": 1} if number else None)), sync=False
        )
    assert drain_spool(spool, store, NOW) == 5
    with store.writing() as session:
        add_answers(session, [_record(1, edition="another"), _record(9, user_id=None)])
        profile = UserProfile("words", {"min_context": 5}, ("openai",))
        assert put_user(session, "team", profile, NOW)
        assert not put_user(session, "team", profile, NOW + timedelta(days=1))
        stats = ModelRuntimeStats(
            window_start=NOW,
            window_end=NOW + timedelta(days=1),
            provider="lab",
            model="lab/a",
            role="builder",
            calls=40,
            total_tokens=1,
            success_rate=Decimal(0),
        )
        session.add(stats)
        session.flush()
        told = ("builder", "lab/a", "rating", Decimal(1), "team")
        add_feedback(session, GivenFeedback(*told, "id-1"), NOW)
        with pytest.raises(UnknownId, match="history"):
            add_feedback(session, GivenFeedback(*told, "nothing"), NOW)
    with store.reading() as session:
        rows, total = history(session, "team", 2, 1)
        assert (total, [row.answer_id for row in rows]) == (5, ["id-3", "id-2"])
        row = find_answer(session, "id-1")
        assert (row.edition, row.answer_json) == ("e", _record(1)["answer_json"])
        assert (row.learned, find_answer(session, "id-0").learned) == ({"outcomes": 1}, None)
        assert row.served_at == NOW + timedelta(seconds=1)
        (user,) = all_users(session)
        assert (user.created_at, user.updated_at) == (NOW, NOW + timedelta(days=1))
        assert find_user(session, "team").available_providers == ["openai"]
        with pytest.raises(UnknownId, match="users list"):
            find_user(session, "nobody")
        assert outcomes(session) == [
            Outcome("builder", "lab/a", 1.0),
            Outcome("builder", "lab/a", 0.0, 40),
        ]
