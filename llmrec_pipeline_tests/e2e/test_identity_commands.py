"""`llmrec identity`: names in, models out; review, decisions, and keys of before."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.e2e.command_line import Llmrec
from llmrec_pipeline_tests.storage.pulled import LMARENA, DataFolder, at, model

pytestmark = pytest.mark.usefixtures("in_this_process")

NAMES = [
    {"name": "claude-opus-4-5-20251101-thinking-32k", "source": "lmarena"},
    {"name": "anthropic/claude-4.5-opus-20251124", "source": "openrouter"},
    {"name": "gpt-4o", "source": "epoch"},
    {"name": "azure/gpt-4o-2024-08-06", "source": "litellm"},
    {"name": "Qwen3 30B A3B 2507 (Reasoning)", "source": "artificial_analysis"},
]


def _piped(llmrec: Llmrec, text: bytes, *flags: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [*llmrec.command, "identity", "resolve", "-", *flags],
        env=llmrec.variables(),
        input=text,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def _lines(names: list[dict[str, str]]) -> bytes:
    return "".join(f"{json.dumps(name)}\n" for name in names).encode()


def test_names_on_the_command_line(llmrec: Llmrec) -> None:
    (found,) = llmrec.well("identity", "resolve", "claude-opus-4-5-thinking")
    assert found == {
        "name": "claude-opus-4-5-thinking",
        "source": None,
        "base_model": "anthropic/claude-opus-4-5",
        "variant": "thinking",
        "host": None,
        "method": "table",
        "confidence": 0.99,
    }
    (left_open,) = llmrec.well("identity", "resolve", "gpt-4o", "--explain")
    assert (left_open["method"], left_open["base_model"]) == ("unresolved", None)
    assert left_open["proposal"] == "openai/gpt-4o@2024-11-20"
    assert [step["step"] for step in left_open["steps"]] == ["taken apart", "creator", "release"]
    table = llmrec("identity", "resolve", "gpt-5", "--explain", "--format", "table")
    assert "since GPT-4.1 and o1 each name has one dated snapshot" in table.out


def test_a_stream_of_names_is_answered_line_by_line_in_any_order(llmrec: Llmrec) -> None:
    code, told = _piped(llmrec, _lines(NAMES))
    assert (code, [row["name"] for row in told]) == (0, [name["name"] for name in NAMES])
    assert [row["base_model"] for row in told] == [
        "anthropic/claude-opus-4-5",
        "anthropic/claude-opus-4-5",
        None,
        "openai/gpt-4o@2024-08-06",
        "alibaba/qwen3-30b-a3b-thinking",
    ]
    shuffled = random.Random(7).sample(NAMES, len(NAMES))
    _, again = _piped(llmrec, _lines(shuffled))
    assert sorted(again, key=str) == sorted(told, key=str)


def test_a_malformed_line_loses_nothing(llmrec: Llmrec) -> None:
    code, told = _piped(llmrec, b'gpt-5\n{"name": \n\xff\n\ngpt-5-mini\n', "--source", "epoch")
    assert code == 2
    assert [row.get("base_model") or row["line"] for row in told] == [
        "openai/gpt-5",
        2,
        3,
        4,
        "openai/gpt-5-mini",
    ]


def test_an_unknown_source_is_told(llmrec: Llmrec) -> None:
    answer = llmrec("identity", "resolve", "gpt-5", "--source", "epok")
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "--source 'epok' is not known" in answer.err


def test_a_stream_tells_an_unknown_source_of_its_line(llmrec: Llmrec) -> None:
    names = [{"name": "gpt-5", "source": "epok"}, {"name": "gpt-5-mini"}]
    code, (refused, found) = _piped(llmrec, _lines(names))
    assert (code, refused["line"]) == (2, 1)
    assert "source 'epok' is not known" in refused["error"]
    assert found["base_model"] == "openai/gpt-5-mini"


def test_every_configured_source_is_known(llmrec: Llmrec, tmp_path: Path) -> None:
    config = shutil.copytree(PROJECT_ROOT / "config", tmp_path / "config")
    tables = config / "identity.yaml"
    unread = "  llm_stats: {read: source_model_id}\n"
    assert unread in tables.read_text("utf-8")
    tables.write_text(tables.read_text("utf-8").replace(unread, ""))
    place = {"LLMREC_CONFIG_DIR": str(config)}
    (found,) = llmrec.well("identity", "resolve", "gpt-5", "--source", "llm_stats", **place)
    assert found["base_model"] == "openai/gpt-5"


def test_an_empty_name_does_not_cost_the_others(llmrec: Llmrec) -> None:
    answer = llmrec("identity", "resolve", "gpt-5", "", "gpt-5-mini")
    assert answer.code == 2
    assert [row.get("base_model") for row in answer.json] == [
        "openai/gpt-5",
        None,
        "openai/gpt-5-mini",
    ]
    assert answer.json[1] == {"input": "", "error": "name is empty; give the model's name"}
    table = llmrec("identity", "resolve", "gpt-5", "", "--format", "table")
    assert (table.code, table.err) == (2, "llmrec: name is empty; give the model's name\n")


def test_a_stream_stands_alone(llmrec: Llmrec) -> None:
    answer = llmrec("identity", "resolve", "-", "gpt-5")
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "leave the other names out" in answer.err


def test_what_the_publisher_said_of_a_name_counts(reader: Llmrec) -> None:
    rows = reader.well(
        "sql",
        "select n.source, n.source_model_id as name, m.base_model from source_names n join "
        "model_identity_map m using (source, source_model_id) where n.source <> "
        "'artificial_analysis' limit 200",
    )
    assert rows
    names = [{"name": row["name"], "source": row["source"]} for row in rows]
    _, told = _piped(reader, _lines(names))
    assert [row["base_model"] for row in told] == [row["base_model"] for row in rows]


def test_review_and_a_decision(ran: Llmrec, tmp_path: Path) -> None:
    shutil.copytree(PROJECT_ROOT / "config", tmp_path / "config")
    place = {"LLMREC_CONFIG_DIR": str(tmp_path / "config")}
    rows = ran.well("identity", "review", "--limit", "500", **place)
    row = next(row for row in rows if row["proposal"] is not None and row["score"] < 0.9)
    accept = ("identity", "accept", row["review_id"], "--by", "ana")
    weak = ran(*accept, **place)
    assert (weak.code, len(weak.err.splitlines())) == (2, 1)
    assert "under 0.9; name the model with --key" in weak.err
    named = (*accept, "--why", "asked", "--key", row["proposal"])
    undated = ran(*named, "--since", "2025-01-01", **place)
    assert (undated.code, len(undated.err.splitlines())) == (2, 1)
    assert "dates no releases" in undated.err
    accepted = ran.well(*named, **place)
    decided = {field: accepted[field] for field in ("source", "source_model_id", "key")}
    assert decided == {
        "source": row["source"],
        "source_model_id": row["source_model_id"],
        "key": row["proposal"],
    }
    again = ran(*named, **place)
    assert (again.code, len(again.err.splitlines())) == (2, 1)
    ran.well("refresh", **place)
    left = {row["review_id"] for row in ran.well("identity", "review", "--limit", "500", **place)}
    assert row["review_id"] not in left
    explained = ran.well("identity", "explain", row["proposal"], **place)
    assert (row["source"], row["source_model_id"], "alias") in {
        (name["source"], name["source_model_id"], name["identity_method"])
        for name in explained["names"]
    }


def test_a_model_that_is_told_twice_is_no_name_to_decide(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    twice = [model(n, source_model_id=name) for n, name in enumerate(("gpt-5", "gpt-5-medium"))]
    folder.land(LMARENA, at(0), twice)
    folder.refresh(at(1))
    llmrec = Llmrec(tmp_path / "data")
    assert llmrec.well("identity", "review", "--source", LMARENA) == []
    (row,) = llmrec.well("identity", "review", "--source", LMARENA, "--doubles")
    assert row["reason"].startswith("another row of its publisher for the same model")
    answer = llmrec("identity", "accept", row["review_id"], "--by", "ana")
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "an alias decides nothing here" in answer.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("accept", "nothing", "--by", "ana"), "no name in review has the id 'nothing'"),
        (("explain", "openai/gpt-9000"), "unknown key 'openai/gpt-9000'"),
    ],
)
def test_what_is_not_there_is_told(reader: Llmrec, flags: tuple[str, ...], message: str) -> None:
    answer = reader("identity", *flags)
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert message in answer.err


@pytest.mark.slow
def test_a_key_of_before_is_followed(ran: Llmrec, tmp_path: Path) -> None:
    old = ran.well("models", "gpt", "--all")[0]["canonical_model_key"].partition(":")[0]
    creator, base = old.split("/")
    config = shutil.copytree(PROJECT_ROOT / "config", tmp_path / "config")
    tables = config / "identity.yaml"
    rule = (
        f"rewrites:\n  - {{creator: {creator}, name: {base}, find: {base.replace('-', ' ')}, "
        "put: renamed, reason: a test}\n"
    )
    tables.write_text(tables.read_text("utf-8").replace("rewrites:\n", rule, 1))
    place = {"LLMREC_CONFIG_DIR": str(config)}
    ran.well("rebuild", **place)
    explained = ran("identity", "explain", old, **place)
    assert explained.code == 0, explained.err
    assert explained.err.startswith(f"llmrec: {old} is called {creator}/renamed now")
    assert old in {row["old_key"] for row in explained.json["old_keys"]}
    assert ran.well("models", old, "--all", **place)
