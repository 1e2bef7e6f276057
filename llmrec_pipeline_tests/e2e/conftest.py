"""The command on data of its own; one run of the pipeline serves the tests that only read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, LlmrecHere
from llmrec_pipeline_tests.publishers import Facts, Publishers

# How long an answer waits for the refresh that it started: a busy machine needs more than we would
# ask of a user.
PATIENCE = {"LLMREC_PIPELINE__REFRESH__WAIT_S": "90"}


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that are called, not started, run in this process: where a test is about what they
    say, and not about how they start."""
    monkeypatch.setattr(Llmrec, "__call__", LlmrecHere.__call__)


@pytest.fixture
def llmrec(tmp_path: Path, publishers: Publishers) -> Llmrec:
    """The command on an empty data folder, with publishers of its own."""
    return Llmrec(tmp_path / "data", {**publishers.environment(), **PATIENCE})


@pytest.fixture(scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llmrec]:
    with Publishers(Facts.invented(), page_size=25) as server:
        command = Llmrec(
            tmp_path_factory.mktemp("published") / "data", {**server.environment(), **PATIENCE}
        )
        command.well("run")
        yield command


@pytest.fixture
def reader(_published: Llmrec) -> Llmrec:
    """The command on data that no test changes."""
    return _published


@pytest.fixture
def ran(_published: Llmrec, publishers: Publishers, tmp_path: Path) -> Llmrec:
    """The command on a copy of data with one good run behind it, with publishers of its own that
    tell the same facts."""
    shutil.copytree(_published.data, tmp_path / "data", symlinks=True)
    return Llmrec(tmp_path / "data", {**publishers.environment(), **PATIENCE})
