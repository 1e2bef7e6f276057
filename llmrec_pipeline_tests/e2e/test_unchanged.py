"""What has not changed costs a record, and nothing else."""

from __future__ import annotations

import json

from llmrec_pipeline_tests.e2e.command_line import Llmrec
from llmrec_pipeline_tests.publishers import AA, SOURCES, Publishers


def test_unchanged_answers_add_a_record_and_no_file_no_refresh_no_edition(
    ran: Llmrec, publishers: Publishers
) -> None:
    edition = ran.current()
    again = ran.well("ingest")
    assert again["new_edition"] is False
    assert {row["last_pull"] for row in again["sources"] if row["enabled"]} == {"unchanged"}
    for source in SOURCES:
        folder = ran.data / "bronze" / source
        assert len(list(folder.glob("models_snapshot_*.parquet"))) == 1
        records = [
            json.loads(line)
            for path in folder.glob("pulls-*.jsonl")
            for line in path.read_text("utf-8").splitlines()
        ]
        assert len(records) == 2
        assert len({record["content_hash"] for record in records}) == 1
    assert ran.editions() == [edition]

    asked = len(publishers.requests)
    for _ in range(2):
        answer = ran("recommend", "python debugging")
        assert (answer.code, answer.err) == (0, "")
        assert answer.json["edition"] == edition
    assert len(publishers.requests) == asked
    assert not (ran.data / "logs" / "refresh.log").exists()


def test_an_unchanged_pull_makes_old_data_fresh(ran: Llmrec, publishers: Publishers) -> None:
    """The edition stays, and yet its sources were seen just now."""
    ran.age(12)
    asked = ran.well("recommend", "python", "--no-refresh")
    assert asked["origins"][AA]["origin"] == "cached"
    before = asked["origins"][AA]["verified_at"]
    ran.well("ingest")
    after = ran.well("recommend", "python")
    assert after["edition"] == asked["edition"]
    assert after["origins"][AA]["verified_at"] > before
    assert after["origins"][AA]["origin"] == "live"


def test_rebuilding_the_warehouse_gives_the_same_content(
    ran: Llmrec, publishers: Publishers
) -> None:
    publishers.facts = publishers.facts.next_day()
    ran.well("run")
    edition, warehouse = ran.current(), ran.data / "warehouse.duckdb"
    (before,) = [row for row in ran.well("editions") if row["current"]]
    inode = warehouse.stat().st_ino
    ran.well("rebuild")
    assert warehouse.stat().st_ino != inode
    (after,) = [row for row in ran.well("editions") if row["current"]]
    assert after["content_digest"] == before["content_digest"]
    assert ran.current() == edition
