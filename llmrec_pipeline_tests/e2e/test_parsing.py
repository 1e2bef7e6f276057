"""`llmrec parse`, and what `llmrec recommend` does with the same reading."""

from __future__ import annotations

import json
import subprocess

from llmrec_pipeline_tests.e2e.command_line import COMMAND, Llmrec, one_line

FIRST_FIELDS = [
    *("text", "task_type", "probabilities", "priority", "weights", "max_price_per_1m"),
    *("min_context", "providers_allow", "providers_deny", "capabilities", "ignored"),
]


def test_one_text(reader: Llmrec) -> None:
    answer = reader.well("parse", "cheap model for SQL, 128k context, no xAI, GDPR")
    assert answer["task_type"] == "coding"
    assert (answer["priority"], answer["min_context"]) == ("cost", 128_000)
    assert (answer["providers_allow"], answer["providers_deny"]) == ([], ["xai"])
    assert "not known" in answer["ignored"][0]
    assert answer["understanding"] == "full"
    refused = one_line(reader("parse", "only openai, no openai"), 2)
    assert "'only openai' and 'no openai'" in refused
    table = reader("parse", "cheap model for SQL", "--format", "table", "--understanding", "words")
    assert "understood by words" in table.out


def test_a_stream_of_texts_goes_on_after_a_bad_line(reader: Llmrec) -> None:
    lines = [
        b"python code, under $5/1M",
        b'{"text": "write a poem", "more": 1}',
        b'{"text": "only openai, no openai"}',
        b"",
        b'{"texts": 1}',
        b'{"text": ',
        b"\xff\xfe",
        b'["a"]',
        b"null",
        b'"write a poem"',
        b"128",
        "写代码, 每百万token不超过5美元".encode(),
    ]
    done = subprocess.run(
        [*COMMAND, "parse", "-", "--understanding", "words"],
        input=b"\n".join(lines),
        env=reader.variables(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [row.get("line") for row in rows] == [None, None, 3, 5, 6, 7, 8, 9, None, None, None]
    refused = [row for row in rows if "line" in row]
    assert all(list(row) == ["line", "text", "error"] for row in refused)
    assert [row["text"] for row in refused] == [
        *("only openai, no openai", '{"texts": 1}', '{"text":', "\ufffd\ufffd", '["a"]', "null"),
    ]
    good = [row for row in rows if "line" not in row]
    assert all(list(row)[: len(FIRST_FIELDS)] == FIRST_FIELDS for row in good)
    assert [row["task_type"] for row in good] == [
        "coding",
        "writing",
        "writing",
        "general",
        "coding",
    ]
    assert [row["max_price_per_1m"] for row in good] == [5.0, None, None, None, 5.0]
    assert sum(good[0]["weights"].values()) == 1
    assert done.returncode == 2
    assert "6 of 11 lines" in done.stderr.decode()


def test_a_recommendation_follows_the_same_reading_and_shows_it(reader: Llmrec) -> None:
    answer = reader.well("recommend", "python debugging, give me two options", "--no-refresh")
    assert len(answer["recommendations"]) == 2
    request = answer["request"]
    assert (request["understanding"], request["topk"]) == ("words", 2)
    assert request["task_type"] == answer["task_profile"]["task_type"] == "coding"
    assert request["why"]
    more = reader.well("recommend", "python, give me two options", "--topk", "3", "--no-refresh")
    assert len(more["recommendations"]) == 3
