"""What commands print as JSON is what `llmrec schema` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema_rs
import pytest
import typer

from llmrec_pipeline.serving.cli.app import app
from llmrec_pipeline.serving.cli.describing import described
from llmrec_pipeline.serving.cli.output import Format, ReportFormat
from llmrec_pipeline_tests.captured_days import history, write
from llmrec_pipeline_tests.e2e.api_server import api, until
from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.usage_samples import write_jsonl

MODEL = "anthropic/claude-opus-4-5"
# Every command that reads; those that write or run jobs are tried in `test_runs_and_writes`.
CALLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "alerts-list": ((),),
    "alerts-test": ((),),
    "db-check": ((),),
    "db-current": ((),),
    "db-upgrade": ((),),
    "doctor": ((),),
    "diff": (("current", "current"),),
    "editions": ((),),
    "explain": ((MODEL, "--task", "coding"), ("openai/gpt-5-2",)),
    "identity-explain": ((MODEL,),),
    "identity-resolve": (("claude-opus-4-5-thinking", "--explain"), ("no-such-name",)),
    "identity-review": ((), ("--doubles",)),
    "intel-ingest-catalog": ((),),
    "intel-recommend": (
        ("--use-case", "builder_high", "--persist"),
        ("--use-case", "builder_medium", "--persist"),
        ("--use-case", "auditor_low"),
    ),
    "intel-report": ((), ("--latest",)),
    "intel-explain": (("1",),),
    "intel-verify": ((),),
    "models": ((), ("--all",)),
    "parse": (("python, under $5, GDPR",), ("", "--understanding", "words")),
    "provider": (("coding", "--providers", "openai,anthropic"),),
    "recommend": (
        ("python debugging, under $5", "--no-refresh"),
        ("x", "--no-refresh", "--scorer", "weighted_v1", "--quality-basis", "measure"),
        ("x", "--no-refresh", "--max-price-per-1m", "0.000001"),
    ),
    "schema": ((), ("recommend",)),
    "sources": ((),),
    "sql": (("select 1 as one, null as nothing",),),
    "telemetry-summary": ((),),
    "top": (("coding",), ("math", "--providers", "openai")),
}
# What people write or bring; a word in braces is a file, or a fact of the data, of `brought`.
WRITTEN: dict[str, tuple[tuple[str, ...], ...]] = {
    "users-put": (("team-a", "--profile", "python services", "--providers", "openai"),),
    "users-list": ((),),
    "users-history": (("team-a",), ("nobody",)),
    "users-replay": (("{answer}",),),
    "feedback": (("--model", MODEL, "--use-case", "coding", "--rating", "4"),),
    "learn-show": (("--use-case", "coding"),),
    "learn-evaluate": (
        ("--matrix", "{matrix}", "--rounds", "40", "--seeds", "2"),
        ("--log", "{matrix}"),
    ),
    "telemetry-import": (("--format", "litellm", "{log}"),),
    "workload-estimate": (("{workload}",), ("{workload}", "--model", "gpt-5.4")),
    "audit": (("{code}",), ("{code}", "--fail-on", "gpt-4o")),
    "backfill": (("artificial_analysis", "{captures}", "--no-refresh"),),
    "report-build": ((),),
    "report-path": ((),),
    "intel-ingest-catalog": ((),),
    "intel-compute-runtime-stats": ((),),
    "intel-add-benchmark": (
        (
            *("--model", "gpt-5.4", "--benchmark", "our-evals", "--score", "0.8"),
            *("--unit", "fraction", "--task-type", "coding", "--source", "us"),
            *("--url", "https://example.org/evals/7"),
        ),
    ),
    "intel-ingest-sentiment": (
        (
            *("--model", MODEL, "--source", "blog", "--url", "https://example.org/1"),
            *("--snippet", "Claude Opus 4.5 is great at code", "--sentiment", "positive"),
        ),
        ("--source", "reddit", "--from-file", "{posts}"),
    ),
    "intel-review-sentiment": ((),),
    "intel-recommend": (("--use-case", "builder_high", "--persist"),),
    "intel-propose-patch": (("--recommendation-id", "1"),),
    "intel-decide": (("--recommendation-id", "1", "accepted", "--by", "ana"),),
}
FORMAT_FLAGS = {"telemetry-import": ("--output-format", "json"), "report-build": ()}
RUN = ("run", "ingest", "refresh", "rebuild")
HEAVY = {"rank-quality": (("--trials", "2"),)}


@pytest.fixture
def here(ran: Llmrec) -> Any:
    """A command run in this process: words in, JSON out, whatever the exit code."""

    def call(*words: str, flags: tuple[str, ...] = ("--format", "json")) -> Any:
        return ran.here(*words, *flags).json

    return call


def _agrees(here: Any, name: str, calls: tuple[tuple[str, ...], ...]) -> None:
    words = name.split("-", 1) if name != "rank-quality" else [name]
    flags = FORMAT_FLAGS.get(name, ("--format", "json"))
    schema = here("schema", *words)
    assert schema["title"]
    validator = jsonschema_rs.validator_for(_closed(schema))
    for arguments in calls:
        problems = [
            f"{error.instance_path}: {error.message}"
            for error in validator.iter_errors(here(*words, *arguments, flags=flags))
        ]
        assert problems == [], (name, arguments)


def _closed(schema: Any) -> Any:
    """The schema without room for what it does not name: nothing that is printed is missing in it.
    An object has named properties, or says what all of its values are."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        key: {name: _closed(part) for name, part in value.items()}
        if key in ("properties", "$defs")
        else _closed(value)
        for key, value in schema.items()
    }
    if "object" in _types(schema) and "additionalProperties" not in schema:
        assert schema.get("properties"), schema
        closed["additionalProperties"] = False
    assert "array" not in _types(schema) or schema["items"], schema
    return closed


def _types(schema: dict[str, Any]) -> list[Any]:
    told = schema.get("type")
    return told if isinstance(told, list) else [told]


def test_what_commands_print_is_what_their_schema_says(here: Any) -> None:
    for name, calls in CALLS.items():
        _agrees(here, name, calls)


@pytest.mark.slow
def test_runs_and_what_takes_long(here: Any) -> None:
    for name, calls in {**dict.fromkeys(RUN, ((),)), **HEAVY}.items():
        _agrees(here, name, calls)


@pytest.fixture
def brought(ran: Llmrec, tmp_path: Path) -> dict[str, str]:
    """Files that people bring, and the id of an answer that was served."""
    outcomes = [
        {"prompt_id": f"p{n}", "task_type": "coding", "model": model, "score": (n * share) % 2}
        for n in range(20)
        for model, share in (("a/one", 1), ("a/two", 3))
    ]
    calls = [{"input_tokens": 1000, "output_tokens": 200, "model": "gpt-5.4"}]
    at = "2026-11-01 10:00:00"
    log = {"request_id": "1", "startTime": at, "custom_llm_provider": "openai", "model": "gpt-5.4"}
    posts = [{"url": "https://example.org/2", "snippet": "Opus or not?", "title": "Opus"}]
    (tmp_path / "code.py").write_text('MODEL = "gpt-4o"\n# not "gpt-5.4"\n', encoding="utf-8")
    write(tmp_path / "captures", history(1, 12))
    with api(ran.data) as running:
        assert running.stored("team-a") == 201
        answer = running.recommend("python debugging", user_id="team-a").json()
        outcome = {"model": MODEL, "use_case": "coding", "rating": 5}
        assert running.client.post("/api/v1/feedback", json=outcome).status_code == 201
        until(lambda: "learned" in running.recommend("python debugging", user_id="team-a").json())
    return {
        "answer": answer["answer_id"],
        "matrix": str(write_jsonl(tmp_path / "matrix.jsonl", outcomes)),
        "workload": str(write_jsonl(tmp_path / "calls.jsonl", calls)),
        "log": str(write_jsonl(tmp_path / "log.jsonl", [log])),
        "posts": str(write_jsonl(tmp_path / "posts.jsonl", posts)),
        "code": str(tmp_path / "code.py"),
        "captures": str(tmp_path / "captures"),
    }


def test_what_writing_commands_print_is_what_their_schema_says(
    here: Any, brought: dict[str, str]
) -> None:
    for name, calls in WRITTEN.items():
        _agrees(
            here, name, tuple(tuple(word.format(**brought) for word in words) for words in calls)
        )


def test_every_command_that_prints_json_has_a_schema() -> None:
    printing = set(_printing(app))
    assert {"recommend", "telemetry-import"} <= printing
    assert printing <= set(described())


def _printing(commands: typer.Typer, group: str = "") -> Iterator[str]:
    """Names of the commands that have JSON among their formats."""
    for told in commands.registered_groups:
        yield from _printing(told.typer_instance, f"{told.name}-")
    for command in commands.registered_commands:
        hints = get_type_hints(command.callback)
        if {Format, ReportFormat} & {kind for hint in hints.values() for kind in get_args(hint)}:
            yield group + (command.name or command.callback.__name__)


def test_each_schema_is_tried_and_an_unknown_one_is_one_line(reader: Llmrec) -> None:
    tried = {*CALLS, *WRITTEN, *RUN, *HEAVY}
    # The first two print what their neighbours print; all change more than a test of schemas should.
    assert set(described()) - tried == {"alerts-send", "db-downgrade", "identity-accept"}
    assert "recommend" in one_line(reader("schema", "recomend"), 2)
