"""What commands print as JSON is what `llmrec schema` says. In one process, since each command of
its own would take most of its time to start."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from llmrec_pipeline.serving.cli.app import app
from llmrec_pipeline.serving.cli.describing import described
from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line

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
    "provider": (("coding", "--providers", "openai,anthropic"),),
    "recommend": (
        ("python debugging, under $5", "--no-refresh"),
        ("x", "--no-refresh", "--scorer", "weighted_v1", "--quality-basis", "measure"),
        ("x", "--no-refresh", "--max-price-per-1m", "0.000001"),
    ),
    "sources": ((),),
    "sql": (("select 1 as one, null as nothing",),),
    "telemetry-summary": ((),),
    "top": (("coding",), ("math", "--providers", "openai")),
}
RUN = ("run", "ingest", "refresh", "rebuild")
HEAVY = {"rank-quality": (("--trials", "2"),)}


@pytest.fixture
def here(ran: Llmrec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command run in this process: words in, JSON out."""
    for name, value in ran.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def call(*words: str) -> Any:
        capsys.readouterr()
        app([*words, "--format", "json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    return call


def _agrees(here: Any, name: str, calls: tuple[tuple[str, ...], ...]) -> None:
    words = name.split("-") if name != "rank-quality" else [name]
    if words[0] in ("identity", "db", "intel", "alerts", "telemetry"):
        words = [words[0], "-".join(words[1:])]
    schema = here("schema", *words)
    assert schema["title"]
    validator = jsonschema_rs.validator_for(schema)
    for arguments in calls:
        problems = [
            f"{error.instance_path}: {error.message}"
            for error in validator.iter_errors(here(*words, *arguments))
        ]
        assert problems == [], (name, arguments)


def test_what_commands_print_is_what_their_schema_says(here: Any) -> None:
    for name, calls in CALLS.items():
        _agrees(here, name, calls)


@pytest.mark.slow
def test_runs_and_what_takes_long(here: Any) -> None:
    for name, calls in {**dict.fromkeys(RUN, ((),)), **HEAVY}.items():
        _agrees(here, name, calls)


def test_each_schema_is_tried_and_an_unknown_one_is_one_line(reader: Llmrec) -> None:
    tried = {*CALLS, *RUN, *HEAVY}
    # These print what their neighbours print, and change more than a test of schemas should.
    assert set(described()) - tried == {"alerts-send", "db-downgrade"}
    assert "recommend" in one_line(reader("schema", "recomend"), 2)
