"""Every command of the README does what it says there: in its order, on data with one good run behind
it, in a repository of a team's own, with the exit code that it should have.

What stands for something of the reader's own is replaced by what the tables below say; nothing else
is."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.captured_days import history, write
from llmrec_pipeline_tests.e2e.api_server import answers, free_port, served, until
from llmrec_pipeline_tests.e2e.command_line import Answer, Llmrec, LlmrecHere
from llmrec_pipeline_tests.hacker_news import HackerNews, comment
from llmrec_pipeline_tests.readme_commands import Section, sections, words_of
from llmrec_pipeline_tests.usage_samples import SHAPES, calls, write_csv, write_jsonl

# Words of the README that stand for something, and what they stand for here.
STANDS_FOR = {
    "TEXT": "python debugging",
    "MODEL": "anthropic/claude-opus-4-5",
    "T": "coding",
    "CATEGORY": "coding",
    "FILE": "tokens.csv",
    "[PATH]": "../our-service",
    "[COMMAND]": "recommend",
    "[SEARCH]": "claude",
    "A": "2026-11-01",
    "B": "current",
    "SOURCE": "artificial_analysis",
    "PATH…": "captures/",
    "NAME…": "claude-opus-4-5-thinking",
    "QUERY": "select count(*) as models from models_latest",
    "OLD-KEY": "anthropic/claude-opus-4-5",
    # The invented publishers do not tell of it.
    "openai/gpt-5": "openai/gpt-5-4",
    "…": "--help",
}
# Commands that the prose only names; what they must be given, their help tells.
ONLY_NAMED = {
    "llmrec feedback",
    "llmrec learn evaluate",
    "llmrec learn show",
    "llmrec serve",
    "llmrec sql",
    "llmrec telemetry import",
    "llmrec users replay",
    "llmrec db downgrade",
}
# What ends otherwise than with 0.
EXIT_CODES = {
    # The code there names it.
    '.venv/bin/llmrec audit --glob "*.py" --fail-on "glm-4.6" ../our-service': 1,
}
# What a team has done before.
BEFORE = {
    "llmrec learn show --use-case builder_high": (
        *("feedback", "--model", "anthropic/claude-opus-4-5"),
        *("--use-case", "builder_high", "--rating", "4"),
    ),
}
# What is not run as it stands, and what is done instead.
INSTEAD = {
    "git clone <this repository> llmrec_pipeline && cd llmrec_pipeline": "the address is the reader's",
    "export AA_API_KEY=...": "the loopback publishers have keys of their own",
    "export LLM_STATS_API_KEY=...": "likewise",
    "export DAGSTER_HOME=$(.venv/bin/python -m llmrec_pipeline.orchestration.launch home)": (
        "test_dg_starts_as_the_readme_tells_it"
    ),
    "export DG_CLI_CONFIG=$PWD/config/dg.toml VIRTUAL_ENV=$PWD/.venv": "likewise",
    ".venv/bin/dg dev -w workspace.yaml": "likewise",
    "export DAGSTER_POSTGRES_URL=postgresql+psycopg2://user@host/dagster": (
        "orchestration/test_dagster_in_postgresql.py has a server of its own"
    ),
    ".venv/bin/llmrec serve --host 127.0.0.1 --port 8000": "test_the_server_is_asked_as_told",
    "curl -s localhost:8000/api/v1/recommend -H 'content-type: application/json' "
    """-d '{"text": "python debugging under $2 per million"}'""": "likewise",
}
# These run jobs, or compare methods on many held-out measures.
HEAVY = {"run", "ingest", "refresh", "rebuild", "rank-quality", "backfill"}
SECTIONS = sections()


def _is_heavy(command: str) -> bool:
    program, verb, *_ = words_of(command)
    return program == "llmrec" and verb in HEAVY


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A team's repository with our configuration, and the files that the README names."""
    here = tmp_path / "team"
    shutil.copytree(PROJECT_ROOT / "config", here / "config")
    subprocess.run(["git", "init", "-q", str(here)], check=True)
    (tmp_path / "our-service").mkdir()
    (tmp_path / "our-service" / "models.py").write_text('MODEL = "glm-4.6"\n', "utf-8")
    write(here / "captures", history(2, 12))
    write_jsonl(here / "spans.jsonl", [SHAPES["otel"].record(call) for call in calls(40)])
    posts = [{"url": "https://example.org/2", "snippet": "Opus or not?", "title": "Opus"}]
    write_jsonl(here / "listing.json", posts)
    write_csv(here / "tokens.csv", [{"input_tokens": 1000, "output_tokens": 200}])
    scores = {"a/one": 1.0, "a/two": 0.0}
    outcomes = [
        {"prompt_id": f"p{n}", "task_type": "coding", "model": model, "score": score}
        for n in range(8)
        for model, score in scores.items()
    ]
    write_csv(here / "outcomes.csv", outcomes)
    return here


@pytest.fixture
def spend_logs(postgresql_url: str) -> str:
    """LiteLLM's table on a PostgreSQL, with one call."""
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                """CREATE TABLE "LiteLLM_SpendLogs" AS SELECT '1' AS request_id,
                TIMESTAMP '2026-11-02 10:00' AS "startTime", 'openai' AS custom_llm_provider,
                'gpt-5' AS model, 100 AS prompt_tokens, 20 AS completion_tokens"""
            )
        )
    engine.dispose()
    return postgresql_url.replace("+psycopg", "")


@pytest.fixture
def here(ran: Llmrec, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmrecHere]:
    """`llmrec`, called in the team's repository."""
    monkeypatch.chdir(repository)
    with HackerNews([comment(1, 1_790_000_000, "GPT-5.4 is great at tests")]) as news:
        more = {
            "LLMREC_CONFIG_DIR": str(repository / "config"),
            "OPENAI_API_KEY": "a key of a test",
        }
        here = LlmrecHere(ran.data, {**ran.environment, **news.environment(), **more})
        here.stdin = "python debugging\n"
        yield here


def _replaced(command: str, here: LlmrecHere, address: str) -> list[str]:
    words = words_of(command)
    if command in ONLY_NAMED:
        return [*words, "--help"]
    known = STANDS_FOR | {"postgresql://me@host/litellm": address}
    words = [known.get(word, word) for word in words]
    if "REVIEW_ID" in words:
        rows = here("identity", "review", "--limit", "500").json
        row = next(row for row in rows if row["proposal"])
        words[words.index("REVIEW_ID")] = row["review_id"]
        # As the README says of what is little alike.
        words += ["--key", row["proposal"]]
    return words


def _run(section: Section, here: LlmrecHere, address: str, *, heavy: bool) -> None:
    """All commands of a section; those that take long only where they are wanted."""
    for command in section.commands:
        if command in INSTEAD or (_is_heavy(command) and not heavy):
            continue
        if command in BEFORE:
            assert here(*BEFORE[command]).code == 0
        program, *words = _replaced(command, here, address)
        if program == "llmrec":
            answer = here(*words)
        elif program == "make":
            # What it would do; the targets call what other tests run.
            answer = _shell(["make", "--dry-run", *words], PROJECT_ROOT)
        else:
            answer = _shell([program, *words], Path.cwd())
        assert answer.code == EXIT_CODES.get(command, 0), (command, answer.err, answer.out[-2000:])
        assert "Traceback" not in answer.err, command


def _shell(words: list[str], folder: Path) -> Answer:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_tables_speak_of_commands_that_the_readme_tells() -> None:
    told = {command for section in SECTIONS for command in section.commands}
    assert len(told) > 100
    assert {*ONLY_NAMED, *EXIT_CODES, *BEFORE, *INSTEAD} <= told
    words = {word for command in told for word in words_of(command)}
    assert set(STANDS_FOR) <= words


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.heading)
def test_every_command_that_is_told_works(
    section: Section, here: LlmrecHere, spend_logs: str
) -> None:
    _run(section, here, spend_logs, heavy=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "section",
    [section for section in SECTIONS if any(map(_is_heavy, section.commands))],
    ids=lambda section: section.heading,
)
def test_every_command_that_is_told_works_with_those_that_take_long(
    section: Section, here: LlmrecHere, spend_logs: str
) -> None:
    _run(section, here, spend_logs, heavy=True)


def _lines_with(*parts: str) -> list[str]:
    """The lines of the README that hold one of these, in its order."""
    told = (command for section in SECTIONS for command in section.commands)
    return [command for command in told if any(part in command for part in parts)]


def test_the_server_is_asked_as_told(ran: Llmrec) -> None:
    """`llmrec serve` and `curl`, on a port of their own."""
    serve, ask = _lines_with("serve --host", "curl ")
    _, verb, host, address, port, _ = words_of(serve)
    assert (verb, host, address, port) == ("serve", "--host", "127.0.0.1", "--port")
    with served(ran, host, address) as (process, url):
        program, *words = words_of(ask.replace("http://", "").replace("localhost:8000", url))
        if shutil.which(program) is None:
            pytest.skip("curl is not installed")
        answer = _shell([program, *words], ran.data)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert answer.code == 0, answer.err
    assert answer.json["recommendations"]


@pytest.mark.slow
def test_dg_starts_as_the_readme_tells_it(ran: Llmrec) -> None:
    """The exports of the environment, then `dg dev` on a port of its own, until it answers."""
    *exports, start = _lines_with("DAGSTER_HOME=", "DG_CLI_CONFIG=", "dg dev")
    port = free_port()
    script = "\n".join(["set -e", *exports, f"exec {start} --port {port}"])
    process = subprocess.Popen(
        ["bash", "-c", script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")],
        cwd=PROJECT_ROOT,
        env=ran.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/server_info"), patience_s=180)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def test_what_the_readme_links_to_is_there() -> None:
    linked = re.findall(
        r"\]\((?!https?://|#)([^)]+)\)", (PROJECT_ROOT / "README.md").read_text("utf-8")
    )
    assert linked
    assert [path for path in linked if not (PROJECT_ROOT / path.partition("#")[0]).exists()] == []
