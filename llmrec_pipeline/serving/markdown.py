"""Markdown of what others wrote: text, code and tables in which it stays text. Standard library only.

Whatever a publisher or a person wrote ends no cell and no line, begins no link, code, HTML, mention
or formula, and neither steers a terminal nor turns the direction of writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llmrec_pipeline.domain.outside_text import harmless

# What begins code, emphasis, a link, a formula or HTML anywhere, ends a cell, or makes an address a
# link by itself.
_MARKS = re.compile(r"[\\`*_\[\]|~$]|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE)
# What begins a heading, a list, a rule or, in a sheet, a formula at the start of a line or cell.
_LEADING = re.compile(r"^(?=[#+\-=@])|(?<=^\d)(?=[.)])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Between an @ and a name it stops a mention and is not seen.
_ZERO_WIDTH_SPACE = "\u200b"
_PLAIN_NUMBER = re.compile("[\N{MINUS SIGN}+-]?\\$?\\d[\\d,]*(\\.\\d+)?(e[+-]?\\d+)?[%kM]?")


def escaped(text: object) -> str:
    """Text that Markdown shows as it is, wherever it stands in a line."""
    line = _one_line(text)
    if _PLAIN_NUMBER.fullmatch(line):
        return line
    marked = _LEADING.sub(r"\\", _MARKS.sub(r"\\\g<0>", line))
    for mark, entity in _ENTITIES.items():
        marked = marked.replace(mark, entity)
    return marked.replace("@", f"@{_ZERO_WIDTH_SPACE}")


def code(text: str) -> str:
    """A code span; a backtick in it would end it."""
    return f"`{_one_line(text).replace('`', chr(39)).replace('|', '/')}`"


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; headings and cells are Markdown already."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def markdown_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A table of plain values: None is an empty cell, floats have six significant digits."""
    cells = ([_cell(row.get(name)) for name in columns] for row in rows)
    return "\n".join(table_lines(columns, cells))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return escaped(f"{value:.6g}" if isinstance(value, float) else value)


def _one_line(text: object) -> str:
    return " ".join(harmless(str(text)).split())
