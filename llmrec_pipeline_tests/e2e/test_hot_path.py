"""An answer pays for nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.e2e.command_line import Llmrec

BARRED = {
    "dagster",
    "duckdb",
    "httpx",
    "numpy",
    "polars",
    "pyarrow",
    "rich",
    "sqlalchemy",
    "yaml",
}
# Runs the command as `llmrec` does and tells on stderr what came with it.
_PROBE = """
import json, sys
from llmrec_pipeline.serving.cli import main
sys.argv = ["llmrec", *sys.argv[1:]]
try:
    main()
finally:
    roots = sorted({name.split(".")[0] for name in sys.modules})
    sys.stderr.write(json.dumps(roots))
"""


@pytest.mark.parametrize("form", ["json", "table"])
@pytest.mark.parametrize("flags", [(), ("--no-refresh",)], ids=["fresh", "no-refresh"])
def test_recommend_imports_nothing_heavy(reader: Llmrec, form: str, flags: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PROBE, "recommend", "python debugging", "--format", form, *flags],
        env=reader.variables(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout
    imported = set(json.loads(result.stderr))
    assert "llmrec_pipeline" in imported
    assert imported & BARRED == set()


def test_keeping_an_answer_imports_no_database(ran: Llmrec) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _PROBE, "recommend", "x", "--no-refresh", "--user", "team"],
        env=ran.variables(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(result.stdout)["answer_id"]
    assert set(json.loads(result.stderr)) & BARRED == set()


# Libraries and settings are loaded once; each module then in a process that has no other of ours.
_EACH_ALONE = """
import importlib, os, sys, traceback
import duckdb, httpx, numpy, polars, sqlalchemy, typer, llmrec_pipeline.settings
for name in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    try:
        importlib.import_module(name)
    except BaseException:
        sys.stderr.write(name + chr(10) + traceback.format_exc())
    os._exit(0)
"""


@pytest.mark.parametrize(
    "room",
    [
        "serving/cli",
        *(
            pytest.param(room, marks=pytest.mark.slow)
            for room in ("serving", "storage", "telemetry")
        ),
    ],
)
def test_each_module_may_be_the_first_that_is_imported(room: str) -> None:
    """Commands import late; what one needs must not rest on what another has imported."""
    names = [
        ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts)
        for path in sorted((PROJECT_ROOT / "llmrec_pipeline" / room).glob("[a-z]*.py"))
    ]
    assert names
    result = subprocess.run(
        [sys.executable, "-c", _EACH_ALONE, *names],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert result.stderr == ""
