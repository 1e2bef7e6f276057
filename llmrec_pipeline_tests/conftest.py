"""Fixtures that every tier shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmrec_pipeline_tests.publishers import Facts, Publishers


@pytest.fixture
def publishers() -> Iterator[Publishers]:
    """The publishers on a loopback port, telling invented facts on pages of 25."""
    with Publishers(Facts.invented(), page_size=25) as server:
        yield server


@pytest.fixture
def recordings() -> Path:
    """The folder of recorded responses; the test is skipped where there is none."""
    folder = os.environ.get("LLMREC_RECORDINGS")
    if not folder:
        pytest.skip("LLMREC_RECORDINGS is not set; it names the folder of recorded responses")
    return Path(folder).resolve(strict=True)
