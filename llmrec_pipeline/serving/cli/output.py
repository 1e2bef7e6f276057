"""Printing: JSON when piped, a table that fits on a terminal. Standard library only."""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_GAP = "  "


class Format(StrEnum):
    """How a command answers."""

    JSON = "json"
    TABLE = "table"


class ReportFormat(StrEnum):
    """How a report answers."""

    JSON = "json"
    TABLE = "table"
    MARKDOWN = "markdown"


def chosen(wanted: Format | None) -> Format:
    """The stated format; else JSON for a pipe and a table for a terminal."""
    if wanted is not None:
        return wanted
    return Format.TABLE if sys.stdout.isatty() else Format.JSON


class ReaderGoneError(Exception):
    """Whoever read our output has seen enough. No OSError: typer would end with exit code 1."""


def say(text: str = "") -> None:
    """One line on stdout; raises ReaderGoneError where nobody reads any more."""
    try:
        sys.stdout.write(f"{text}\n")
    except BrokenPipeError:
        raise ReaderGoneError from None


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
    sys.stderr.write(f"{text}\n")


def print_json(content: Any) -> None:
    """Readable JSON."""
    say(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Aligned columns. On a terminal the widest text column gives way until the table fits."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    numeric = [
        bool(cells) and all(not row[i] or _is_number(row[i]) for row in cells)
        for i in range(len(columns))
    ]
    widths = [
        max([_width(columns[i]), *(_width(row[i]) for row in cells)]) for i in range(len(columns))
    ]
    if sys.stdout.isatty():
        _fit(widths, numeric, shutil.get_terminal_size().columns)
    for row in ([list(columns)], [["-" * width for width in widths]], cells):
        for line in row:
            parts = [
                _pad(text, width, right)
                for text, width, right in zip(line, widths, numeric, strict=True)
            ]
            say(_GAP.join(parts).rstrip())


def _fit(widths: list[int], numeric: Sequence[bool], room: int) -> None:
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        texts = [i for i, is_number in enumerate(numeric) if not is_number and widths[i] > 8]
        if not texts:
            return
        widths[max(texts, key=lambda i: widths[i])] -= 1


def _pad(text: str, width: int, right: bool) -> str:
    if _width(text) > width:
        while _width(text) > width - 1:
            text = text[:-1]
        text += "…"
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


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


def age(moment: datetime | None, now: datetime | None = None) -> str | None:
    """`3 min`, `5 h`, `12 d`."""
    if moment is None:
        return None
    minutes = ((now or datetime.now(UTC)) - moment).total_seconds() / 60
    if minutes < 60:
        return f"{max(0, minutes):.0f} min"
    if minutes < 48 * 60:
        return f"{minutes / 60:.0f} h"
    return f"{minutes / 1440:.0f} d"
