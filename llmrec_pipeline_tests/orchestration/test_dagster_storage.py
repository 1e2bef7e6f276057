"""What is told where Dagster cannot write down what a run does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from llmrec_pipeline.orchestration import running
from llmrec_pipeline.orchestration.launch import DagsterStorageError, run_job
from llmrec_pipeline.serving.cli import FAILED
from llmrec_pipeline.serving.cli.errors import exit_code_of
from llmrec_pipeline.settings import load_settings

_FULL = OperationalError("COMMIT", {}, Exception("database or disk is full"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMREC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)
    return tmp_path / "dagster"


def test_a_disk_that_fills_during_a_step_is_told_where_the_command_is_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_within_a_step(*_: Any, **__: Any) -> None:
        with (home / "captured").open("w") as captured:
            os.dup2(captured.fileno(), 1)
            os.dup2(captured.fileno(), 2)
        raise _FULL

    monkeypatch.setattr(running, "execute", fails_within_a_step)
    streams = [os.fstat(stream).st_ino for stream in (1, 2)]
    with pytest.raises(DagsterStorageError) as failed:
        run_job("ingest", load_settings())
    assert [os.fstat(stream).st_ino for stream in (1, 2)] == streams
    _is_one_line(failed.value, home)


def test_a_disk_that_is_full_at_the_start_is_no_wrong_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise _FULL

    monkeypatch.setattr("dagster.DagsterInstance.get", full)
    with pytest.raises(DagsterStorageError) as failed:
        run_job("ingest", load_settings())
    _is_one_line(failed.value, home)


def _is_one_line(error: DagsterStorageError, home: Path) -> None:
    assert str(error).startswith(f"{home}: ")
    assert "database or disk is full" in str(error)
    assert "\n" not in str(error)
    assert exit_code_of(error) == FAILED
