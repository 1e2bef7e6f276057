"""How the command behaves beside its answers: help, errors, pipes, formats."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.serving.cli.app import app
from llmrec_pipeline_tests.e2e.command_line import COMMAND, Llmrec, one_line
from llmrec_pipeline_tests.publishers import SOURCES, Publishers

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]  # type: ignore[union-attr]
WRONG_CALLS = {
    "no such command": (("nonsense",), "nonsense"),
    "no text": (("recommend",), "TEXT"),
    "unknown provider": (
        ("recommend", "x", "--no-refresh", "--provider-allowlist", "antropic"),
        "anthropic",
    ),
    "a list of nobody": (
        ("recommend", "x", "--no-refresh", "--provider-allowlist", ",,"),
        "--provider-allowlist",
    ),
    "unknown provider of a list": (("models", "--provider", "antropic"), "anthropic"),
    "unknown scorer": (("recommend", "x", "--no-refresh", "--scorer", "best"), "weighted_v1"),
    "unknown host": (("recommend", "x", "--no-refresh", "--host", "nowhere"), "nowhere"),
    "unknown format": (("recommend", "x", "--no-refresh", "--format", "xml"), "--format"),
    "unknown task type": (("recommend", "x", "--no-refresh", "--task-type", "art"), "coding"),
    "unknown priority": (("recommend", "x", "--no-refresh", "--priority", "art"), "quality"),
    "no number": (("recommend", "x", "--topk", "many"), "--topk"),
    "nothing asked for": (("recommend", "x", "--topk", "0"), "--topk"),
    "contradiction": (("recommend", "x", "--no-refresh", "--force-refresh"), "--force-refresh"),
    "no UTF-8": (("recommend", "x", "--user", "a\udcff"), "--user: 'a\\udcff' is no text"),
    "no UTF-8 in a word": (("sql", "\udcff"), "argument 2: "),
    "no UTF-8 after =": (
        ("intel", "decide", "--recommendation-id=1", "accepted", "--by=\udcff"),
        "--by: '\\udcff' is no text in UTF-8",
    ),
    "no SQL": (("sql", "selec 1"), "syntax error"),
    "no such table": (("sql", "select * from nowhere"), "nowhere"),
    "no statement": (("sql", ""), "one SELECT"),
    "two statements": (("sql", "select 1; select 2"), "one SELECT"),
}
# `{edition}` is the folder of the edition, which DuckDB may read.
FORBIDDEN = [
    "copy (select 1) to '{edition}/mine.parquet'",
    "copy (select 1) to '/tmp/llmrec-mine.parquet'",
    "explain analyze copy (select 1) to '{edition}/mine.parquet'",
    "attach '{edition}/../../warehouse.duckdb' as w",
    "create table mine as select 1",
    "create view models_latest as select 1",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "reset lock_configuration",
    "install httpfs",
    "load httpfs",
    "export database '{edition}'",
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from glob('/etc/*')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_parquet('{edition}/../*/models_latest.parquet')",
    "from query('copy (select 1) to ''{edition}/mine.parquet'' ')",
    "call pragma_version()",
    "create secret (type s3)",
    "select * from read_text('{edition}/../../state/lmarena.json')",
    "select * from 'https://127.0.0.1:9/x.parquet'",
]


def _helps(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each command with its help, those of groups included."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _helps(command, (*path, name))
        else:
            yield (*path, name), " ".join((command.help or "").split())


@pytest.mark.usefixtures("in_this_process")
def test_every_command_shows_an_example(reader: Llmrec) -> None:
    helps = dict(_helps(get_command(app)))
    assert len(helps) > len(COMMANDS)
    for path, text in helps.items():
        # A variable may stand before the command.
        assert re.search(rf"Example: (\S+=\S+ )*llmrec {' '.join(path)}", text), path
    answer = reader("models", "--help")
    assert (answer.code, answer.err) == (0, "")
    assert "Example: llmrec models opus" in " ".join(answer.out.split())


@pytest.mark.usefixtures("in_this_process")
def test_help_tells_the_exit_codes(reader: Llmrec) -> None:
    answer = reader("--help")
    assert answer.code == 0
    assert "Exit codes: 0 done" in answer.out
    assert set(COMMANDS) <= set(answer.out.split())
    nothing = reader()
    assert (nothing.code, nothing.out) == (2, "")
    assert len(nothing.err.splitlines()) > 10


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("case", WRONG_CALLS)
def test_a_wrong_call_is_one_line_that_names_what_is_wrong(reader: Llmrec, case: str) -> None:
    arguments, named = WRONG_CALLS[case]
    answer = reader(*arguments)
    assert named in one_line(answer, 2)
    assert answer.out == ""


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("query", FORBIDDEN)
def test_sql_neither_writes_nor_looks_beyond_the_edition(reader: Llmrec, query: str) -> None:
    folder = (reader.data / "published" / str(reader.current())).resolve()
    before = sorted(path.name for path in folder.rglob("*"))
    answer = reader("sql", query.format(edition=folder))
    one_line(answer, 2)
    assert answer.out == ""
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert not Path("/tmp/llmrec-mine.parquet").exists()


@pytest.mark.usefixtures("in_this_process")
def test_sql_answers_in_plain_json(reader: Llmrec) -> None:
    (row,) = reader.well(
        "sql",
        "select 1 as a, 2 as a, 1.5::decimal(4, 2) as price, 'nan'::double as n, sum(rows) as rows, "
        "max(snapshot_ts) as seen, null as nothing from pulls where status = 'accepted'",
    )
    assert (row["a"], row["a_1"], row["price"], row["n"]) == (1, 2, 1.5, "nan")
    assert row["rows"] > 100
    assert row["seen"].endswith("+00:00")
    assert row["nothing"] is None
    tables = {row["name"] for row in reader.well("sql", "show tables")}
    assert {"models_latest", "models_history", "pulls", "task_rankings"} <= tables
    for table in tables:
        assert reader.well("sql", f"select count(*) as n from {table}")[0]["n"] >= 0


@pytest.mark.usefixtures("in_this_process")
def test_no_edition(tmp_path: Path) -> None:
    empty = Llmrec(tmp_path / "data", {"LLMREC_OFFLINE": "1"})
    for arguments in (("recommend", "x"), ("models",), ("sql", "select 1")):
        assert "llmrec run" in one_line(empty(*arguments), 4)
    assert empty.well("editions") == []
    assert {row["origin"] for row in empty.well("sources")} == {"none"}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("name", ["20200101T000000Z-00000000", "../../..", ""])
def test_an_unknown_edition(reader: Llmrec, name: str) -> None:
    for arguments in (("recommend", "x"), ("models",), ("sql", "select 1")):
        assert "llmrec editions" in one_line(reader(*arguments, "--edition", name), 4)


@pytest.mark.usefixtures("in_this_process")
def test_a_named_edition_is_what_was_published(reader: Llmrec) -> None:
    (edition,) = reader.editions()
    answer = reader.well("recommend", "x", "--edition", edition)
    assert answer["edition"] == edition


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    "variables",
    [
        {"LLMREC_PIPELINE__HTTP__READ_S": "soon"},
        {"LLMREC_SOURCES__LMARENA__BASE_URL": "huggingface"},
        {"LLMREC_NONSENSE__X": "1"},
        {"LLMREC_CONFIG_DIR": "/nowhere"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_a_wrong_setting(reader: Llmrec, variables: dict[str, str]) -> None:
    (name,) = variables
    said = one_line(reader("sources", **variables), 5)
    assert name in said or variables[name] in said


@pytest.mark.usefixtures("in_this_process")
def test_nothing_left_names_what_excluded_most(reader: Llmrec) -> None:
    price = reader("recommend", "x", "--max-price-per-1m", "0.000001")
    assert "max_price" in one_line(price, 3)
    assert price.json["recommendations"] == []
    assert max(price.json["excluded"], key=price.json["excluded"].__getitem__) in price.err
    context = reader("recommend", "x", "--min-context", "99999999", "--format", "table")
    assert "min_context" in one_line(context, 3)
    assert "Excluded: min_context" in context.out


def test_busy(ran: Llmrec) -> None:
    from filelock import FileLock

    with FileLock(ran.data / "locks" / "run.lock"):
        assert "under way" in one_line(ran("run", "--no-wait"), 6)


def test_two_runs_at_once_both_succeed(llmrec: Llmrec, publishers: Publishers) -> None:
    both = [llmrec.start("run") for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert sum("waiting for another run" in err for _, err in answers) == 1
    assert [publishers.count(source) for source in SOURCES[1:]] == [2, 2]


@pytest.mark.usefixtures("in_this_process")
def test_json_when_piped_and_a_table_when_asked_for(reader: Llmrec) -> None:
    for arguments in (
        ("recommend", "x"),
        ("models",),
        ("sources",),
        ("editions",),
        ("sql", "select 1 as one"),
        ("doctor",),
    ):
        assert reader.well(*arguments)
        table = reader(*arguments, "--format", "table")
        assert (table.code, table.err) == (0, "")
        with pytest.raises(json.JSONDecodeError):
            json.loads(table.out)
        assert "Traceback" not in table.out


@pytest.mark.parametrize(
    "arguments", [("models",), ("models", "--format", "table"), ("editions",), ("recommend", "x")]
)
@pytest.mark.parametrize("reads", ["head -1", "true"])
def test_a_reader_that_goes_away_is_no_error(
    reader: Llmrec, arguments: tuple[str, ...], reads: str
) -> None:
    command = " ".join([*COMMAND, *arguments])
    result = subprocess.run(
        # The pause lets the reader go before there is anything to read.
        ["bash", "-c", f"set -o pipefail; (sleep 0.1; exec {command}) | {reads}"],
        env=reader.variables(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.usefixtures("in_this_process")
def test_doctor_finds_what_is_wrong(ran: Llmrec) -> None:
    well = ran.well("doctor")
    assert {finding["state"] for finding in well} == {"ok"}
    edition = ran.data / "published" / str(ran.current())
    ranking = (edition / "ranking.json").read_text("utf-8")
    (edition / "ranking.json").write_text(ranking.replace("openai", "opena1"), encoding="utf-8")
    (ran.data / "warehouse.duckdb").write_bytes(b"no database")
    (ran.data / "evidence.sqlite3").write_bytes(b"no database" * 1000)
    day = ran.data / "telemetry" / "events" / "day=2026-06-01"
    day.mkdir(parents=True)
    (day / "events.parquet").write_bytes(b"no events")
    sick = ran("doctor", AA_API_KEY="", LLMREC_SOURCES__LMARENA__ENABLED="false")
    assert (sick.code, sick.err) == (1, "")
    states = {finding["what"]: finding["state"] for finding in sick.json}
    assert states["edition"] == "problem"
    assert states["warehouse"] == "problem"
    assert states["evidence store"] == "problem"
    assert states["own calls"] == "problem"
    assert states["settings"] == "ok"
    details = {finding["what"]: finding["detail"] for finding in sick.json}
    assert details["source lmarena"] == "switched off"
    assert "rebuild" in details["warehouse"]
    assert "restore it from a backup" in details["evidence store"]
    config = Path(shutil.copytree(PROJECT_ROOT / "config", ran.data / "config"))
    (config / "models.yaml").write_text("[" * 100_000, encoding="utf-8")
    names = ["models", "mentions", "audit", "sentiment", "learning", "api", "telemetry/otel"]
    for name in names[1:]:
        (config / f"{name}.yaml").write_text("spoiled: true\n", encoding="utf-8")
    damaged = ran("doctor", LLMREC_CONFIG_DIR=str(config))
    told = [finding for finding in damaged.json if finding["what"] == "settings"]
    assert {finding["state"] for finding in told} == {"problem"}
    assert [finding["detail"].partition(":")[0] for finding in told] == [
        str(config / f"{name}.yaml") for name in names
    ]
    wrong = ran("doctor", LLMREC_PIPELINE__HTTP__READ_S="soon")
    assert wrong.code == 1
    assert wrong.json[-1]["what"] == "settings"


@pytest.mark.usefixtures("in_this_process")
def test_a_damaged_warehouse_is_one_line_and_rebuild_mends_it(ran: Llmrec) -> None:
    (ran.data / "warehouse.duckdb").write_bytes(b"no database")
    failed = ran("refresh")
    assert "llmrec rebuild" in one_line(failed, 1)
    assert ran.well("rebuild")["runs"][0]["success"] is True


@pytest.mark.usefixtures("in_this_process")
def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = Llmrec(tmp_path / "home", {"LLMREC_DATA_DIR": str(tmp_path / "file" / "data")})
    for arguments in (("run",), ("ingest",)):
        assert str(tmp_path / "file") in one_line(blocked(*arguments), 1)
    assert "no edition yet" in one_line(blocked("recommend", "x", "--no-refresh"), 4)


def _without_privileges() -> list[str]:
    """What keeps root from writing where nobody may."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may write anywhere, and setpriv is not there to change that")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner", "--"]


def test_a_read_only_data_folder_is_one_line_and_readers_go_on(
    reader: Llmrec, tmp_path: Path
) -> None:
    shutil.copytree(reader.data, tmp_path / "data", symlinks=True)
    frozen = Llmrec(tmp_path / "data", reader.environment)
    frozen.command = (*_without_privileges(), *COMMAND)
    variables = frozen.variables()
    folders = [frozen.data, *(path for path in frozen.data.rglob("*") if path.is_dir())]
    files = [path for path in frozen.data.rglob("*") if path.is_file()]
    for path in (*folders, *files):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for arguments in (("run",), ("refresh",), ("rebuild",)):
            assert str(frozen.data) in one_line(frozen(*arguments), 1)
        assert frozen.well("recommend", "x")["recommendations"]
        assert frozen.well("sql", "select 1 as one") == [{"one": 1}]
        findings = frozen("doctor", **variables)
        assert findings.code == 1
        assert "data folder" in [f["what"] for f in findings.json if f["state"] == "problem"]
    finally:
        for path in folders:
            path.chmod(0o755)


def test_definitions_load_with_nothing_in_the_environment(tmp_path: Path) -> None:
    dg = Path(COMMAND[0]).parent / "dg"
    if not dg.exists():
        pytest.skip("dg is not installed; it comes with the ui extra")
    from llmrec_pipeline.locations import PROJECT_ROOT

    result = subprocess.run(
        [str(dg), "check", "defs"],
        cwd=PROJECT_ROOT,
        env={
            "PATH": f"{dg.parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "VIRTUAL_ENV": str(dg.parent.parent),
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All definitions loaded successfully" in result.stdout + result.stderr


@pytest.mark.usefixtures("in_this_process")
def test_the_table_tells_what_the_ranking_follows(reader: Llmrec) -> None:
    answer = reader(
        "recommend",
        "python debugging, prefer quality, budget $5/1M tokens, not from google",
        *("--task-type", "math", "--max-price-per-1m", "20", "--provider-allowlist", "google"),
        *("--format", "table", "--no-refresh"),
    )
    heard = answer.out.split("\n\n")[0].splitlines()
    assert heard[0].startswith("math: ")
    assert [line.strip() for line in heard[1:]] == [
        "priority quality ('prefer quality')",
        "--task-type math",
        "--max-price-per-1m 20.0",
        "--provider-allowlist google",
    ]
