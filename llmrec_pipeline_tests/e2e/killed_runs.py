"""`llmrec run` killed, and what must hold of what it leaves."""

from __future__ import annotations

import json
import time

import duckdb
import polars as pl

from llmrec_pipeline_tests.e2e.command_line import Llmrec

# What `llmrec run` does, by the first trace of it on disk: a kill at each of them, whatever the
# speed of the machine.
MOMENTS = {
    "importing": None,
    "pulling": "locks/lake-*.lock",
    "raw landed": "raw/*/*/manifest.json",
    "bronze landed": "bronze/*/pulls-*.jsonl",
    "warehouse open": "warehouse.duckdb*",
    "edition begun": "published/.*/silver_models.parquet",
}


def kill_when(llmrec: Llmrec, pattern: str | None, after_s: float = 0.0) -> None:
    """Start a run and kill it when a file of that pattern appears that was not there, or after a
    while."""
    before = set(llmrec.data.glob(pattern)) if pattern else set()
    process = llmrec.start("run")
    deadline = time.monotonic() + 60
    while pattern and process.poll() is None and time.monotonic() < deadline:
        if set(llmrec.data.glob(pattern)) - before:
            break
        time.sleep(0.002)
    time.sleep(after_s)
    llmrec.kill(process)


def assert_whole(llmrec: Llmrec) -> None:
    """No half pull, no half edition, and `current` is readable; raises AssertionError."""
    for manifest in llmrec.data.glob("raw/*/[!.]*/"):
        pages = json.loads((manifest / "manifest.json").read_text("utf-8"))["pages"]
        assert [p for p in pages if (manifest / p["name"]).stat().st_size != p["bytes"]] == []
    for path in llmrec.data.glob("bronze/*/[!.]*.parquet"):
        assert pl.read_parquet(path).height > 0
    for path in llmrec.data.glob("bronze/*/pulls-*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            name = json.loads(line)["bronze"]
            assert name is None or (path.parent / name).is_file()
    for path in llmrec.data.glob("state/*.json"):
        json.loads(path.read_text("utf-8"))
    for name in llmrec.editions():
        folder = llmrec.data / "published" / name
        tables = json.loads((folder / "edition.json").read_text("utf-8"))["tables"]
        assert json.loads((folder / "ranking.json").read_text("utf-8"))["edition"] == name
        for table in set(tables) - {"ranking"}:
            assert pl.read_parquet(folder / f"{table}.parquet").height == tables[table]["rows"]
    if (llmrec.data / "published" / "current").is_symlink():
        assert llmrec.current() in llmrec.editions()
        assert llmrec.well("recommend", "python", "--no-refresh")["recommendations"]


def assert_completes(llmrec: Llmrec) -> None:
    ran = llmrec.well("run")
    assert [entry["success"] for entry in ran["runs"]] == [True, True]
    assert {row["origin"] for row in ran["sources"] if row["enabled"]} == {"live"}
    with duckdb.connect(str(llmrec.data / "warehouse.duckdb"), read_only=True) as con:
        doubles = con.sql(
            "SELECT source, source_model_id, observed_at FROM bronze_models GROUP BY ALL "
            "HAVING count(*) > 1"
        ).fetchall()
    assert doubles == []
