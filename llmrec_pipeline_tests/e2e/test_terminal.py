"""The command on a terminal: tables fit it, and colour stays where it is wanted."""

from __future__ import annotations

import os
import pty
import re
import subprocess

import pytest

from llmrec_pipeline.serving.cli.table_layout import width
from llmrec_pipeline_tests.e2e.command_line import COMMAND, TIMEOUT_S, Llmrec

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def _on_terminal(reader: Llmrec, *arguments: str, **variables: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=reader.variables({"TERM": "xterm-256color", **variables}),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        said = b""
        # The other end is gone once the command has ended.
        while chunk := _read(ours):
            said += chunk
        assert process.wait(TIMEOUT_S) in (0, 1)
    finally:
        os.close(ours)
    return said.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_a_table_fits_the_terminal(reader: Llmrec, columns: int) -> None:
    said = _on_terminal(reader, "models", "claude", COLUMNS=str(columns))
    lines = _COLOUR.sub("", said).splitlines()
    assert max(map(width, lines)) <= columns
    prices = {
        str(offering["price_input_per_1m"])
        for model in reader.well("models", "claude")
        for offering in model["offerings"]
        if offering["is_creator_host"] and offering["price_input_per_1m"]
    }
    assert {price.removesuffix(".0") for price in prices} <= set(said.split())


def test_colour_only_where_it_is_wanted(reader: Llmrec) -> None:
    assert "\x1b[32mok\x1b[0m" in _on_terminal(reader, "doctor")
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in _on_terminal(reader, "doctor", **variables)
    assert "\x1b" not in reader("doctor", "--format", "table").out
