"""Printing: JSON when piped, a table that fits on a terminal. Standard library only.

Whatever writes to stdout raises ReaderGoneError where nobody reads any more.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from llmrec_pipeline.domain.outside_text import harmless, harmless_json
from llmrec_pipeline.serving.cli.table_layout import UNBOUNDED, table_lines

# Columns that tell a state, and the SGR code of each state that is worth a look.
_STATES = frozenset({"origin", "state", "last_pull", "problem"})
_GREEN, _YELLOW, _RED = 32, 33, 31
_COLOURS = {
    "live": _GREEN,
    "ok": _GREEN,
    "cached": _YELLOW,
    "fixture": _YELLOW,
    "warning": _YELLOW,
    "skipped": _YELLOW,
    "problem": _RED,
    "failed": _RED,
    "invalid": _RED,
    "quarantined": _RED,
}


class Format(StrEnum):
    """How a command answers."""

    JSON = "json"
    TABLE = "table"


class ReportFormat(StrEnum):
    """How a report answers."""

    JSON = "json"
    TABLE = "table"
    MARKDOWN = "markdown"


class PageFormat(StrEnum):
    """How a report that is a document is written."""

    HTML = "html"
    MARKDOWN = "markdown"


def chosen(wanted: Format | None) -> Format:
    """The stated format; else JSON for a pipe and a table for a terminal."""
    if wanted is not None:
        return wanted
    return Format.TABLE if sys.stdout.isatty() else Format.JSON


class ReaderGoneError(Exception):
    """Whoever read our output has seen enough. No OSError: typer would end with exit code 1."""


def write_line(text: str) -> None:
    """One line on stdout as it is; raises ReaderGoneError where nobody reads any more. What others
    wrote goes through `say`, `print_json` or `print_table`, which let it steer no terminal."""
    try:
        sys.stdout.write(f"{text}\n")
    except BrokenPipeError:
        raise ReaderGoneError from None


def say(text: str = "") -> None:
    """One line of prose on stdout."""
    write_line(harmless(text))


def say_wrapped(text: str) -> None:
    """Prose, broken into lines that fit on a terminal; one line elsewhere."""
    if not sys.stdout.isatty():
        say(text)
        return
    from textwrap import wrap

    for line in wrap(text, shutil.get_terminal_size().columns, subsequent_indent="  "):
        say(line)


def note(text: str) -> None:
    """One line on stderr: about the answer, not part of it."""
    sys.stderr.write(f"{harmless(text)}\n")


def print_json(content: Any) -> None:
    """Readable JSON."""
    write_line(_json(content, indent=2))


def print_json_line(content: Any) -> None:
    """JSON as one line of a stream."""
    write_line(_json(content))


def _json(content: Any, indent: int | None = None) -> str:
    return harmless_json(json.dumps(content, indent=indent, ensure_ascii=False, default=str))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Aligned columns, which fit on a terminal."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else UNBOUNDED
    paint = _coloured if _takes_colour() else _plain
    for line in table_lines(columns, cells, room, paint):
        write_line(line)


def _takes_colour() -> bool:
    """See no-color.org: any value of NO_COLOR but none switches colour off."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def _plain(_: str, text: str) -> str:
    return text


def _coloured(column: str, text: str) -> str:
    """Good, doubtful and bad states in green, yellow and red; the word says it too."""
    code = _COLOURS.get(text) if column in _STATES else None
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "".join(c if c.isprintable() else " " for c in str(value))
