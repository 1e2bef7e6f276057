"""Tables in Markdown: what a report prints and what Dagster's UI shows. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What could end a cell, or begin a link, code, HTML or emphasis in one.
_MARKS = ("\\", "|", "`", "<", ">", "[", "]", "*")


def markdown_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A small table; what a publisher wrote cannot break out of its cell."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(row.get(name)) for name in columns)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    for mark in _MARKS:
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.splitlines())
