"""How a table of text fits a width: columns fold, numbers stay whole, and where even that is too
wide each row becomes a block of lines. Pure, standard library only."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence

Paint = Callable[[str, str], str]
"""Column and cell as it will be printed, to what is printed: colour adds no width."""

UNBOUNDED = sys.maxsize
"""Room for a table that nobody's screen bounds."""

_GAP = "  "
_RULE = "-"
# A text column gets no narrower than this, and no cell is taller than that.
_NARROWEST = 12
_TALLEST = 6
# Names break after these, as people would break them.
_PIECES = re.compile(r"[^\s/_|,:@-]*(?:[\s/_|,:@-]+|$)")


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], room: int, paint: Paint
) -> Iterator[str]:
    """The lines of a table that is at most `room` places wide."""
    numeric = [_is_numeric([row[i] for row in rows]) for i in range(len(columns))]
    widths = _widths(columns, rows, numeric, room)
    if widths is None:
        yield from _blocks(columns, rows, room, paint)
        return
    yield from _row(columns, columns, widths, numeric, lambda _, text: text)
    yield _GAP.join(_RULE * width for width in widths)
    for row in rows:
        yield from _row(columns, row, widths, numeric, paint)


def width(text: str) -> int:
    """Places on a terminal: wide letters take two, accents none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _widths(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    room: int,
) -> list[int] | None:
    """Each column's width, None where the narrowest are still too wide together."""
    places = range(len(columns))
    values = [max((width(row[i]) for row in rows), default=0) for i in places]
    widths = [max(width(columns[i]), values[i]) for i in places]
    narrowest = [
        max(values[i], *(width(piece.rstrip()) for piece in _pieces(name)))
        if numeric[i]
        else min(widths[i], _NARROWEST)
        for i, name in enumerate(columns)
    ]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        # Text gives way first; then headings over numbers do.
        giving = [i for i in places if widths[i] > narrowest[i]]
        if not giving:
            return None
        widths[max(giving, key=lambda i: (not numeric[i], widths[i]))] -= 1
    return widths


def _row(
    columns: Sequence[str],
    cells: Sequence[str],
    widths: Sequence[int],
    numeric: Sequence[bool],
    paint: Paint,
) -> Iterator[str]:
    folded = [_folded(text, room) for text, room in zip(cells, widths, strict=True)]
    for line in range(max(map(len, folded), default=0)):
        parts = []
        for column, lines, room, right in zip(columns, folded, widths, numeric, strict=True):
            text = lines[line] if line < len(lines) else ""
            blank = " " * (room - width(text))
            shown = paint(column, text)
            parts.append(blank + shown if right else shown + blank)
        yield _GAP.join(parts).rstrip()


def _blocks(
    columns: Sequence[str], rows: Sequence[Sequence[str]], room: int, paint: Paint
) -> Iterator[str]:
    """Each row as lines of column and value, a blank line between rows; empty cells are left out."""
    label = max(map(width, columns))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for column, text in zip(columns, row, strict=True):
            lines = _folded(text, max(room - label - len(_GAP), _NARROWEST)) if text else []
            for place, line in enumerate(lines):
                name = column if place == 0 else ""
                yield f"{name}{' ' * (label - width(name))}{_GAP}{paint(column, line)}"


def _folded(text: str, room: int) -> list[str]:
    """The text on lines of at most `room` places; what is longer than the tallest cell ends in …"""
    if width(text) <= room:
        return [text]
    lines = [""]
    for piece in _pieces(text):
        rest = piece
        if width(lines[-1]) + width(rest.rstrip()) > room and lines[-1]:
            lines.append("")
        while width(rest.rstrip()) > room:
            head = _head(rest, room)
            lines[-1] = head
            lines.append("")
            rest = rest[len(head) :]
        lines[-1] += rest
    lines = [line.rstrip() for line in lines]
    if len(lines) > _TALLEST:
        lines = [*lines[: _TALLEST - 1], _head(lines[_TALLEST - 1], room - 1) + "…"]
    return lines


def _pieces(text: str) -> list[str]:
    return [piece for piece in _PIECES.findall(text) if piece] or [""]


def _head(text: str, room: int) -> str:
    """As much of the beginning as fits, one letter at least."""
    end = 1
    while end < len(text) and width(text[: end + 1]) <= room:
        end += 1
    return text[:end]


def _is_numeric(cells: Sequence[str]) -> bool:
    return any(cells) and all(not cell or _is_number(cell) for cell in cells)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True
