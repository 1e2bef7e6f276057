"""Tables on terminals of any width."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.serving.cli.table_layout import table_lines, width

COLUMNS = ("model", "key", "price_input_per_1m", "context", "why")
ROWS = [
    (
        "Claude Opus 4.5 (thinking, high effort)",
        "anthropic/claude-opus-4-5@2025-11-24:thinking",
        "5",
        "1,000,000",
        "quality 0.91 and cost 0.20 of the widest field, seen today",
    ),
    ("深度求索 V4", "deepseek/deepseek-v4", "0.27", "128,000", ""),
]
NUMBERS = ["5", "1,000,000", "0.27", "128,000"]


def plain(_: str, text: str) -> str:
    return text


def drawn(room: int) -> list[str]:
    return list(table_lines(COLUMNS, ROWS, room, plain))


@pytest.mark.parametrize("room", [40, 60, 80, 100, 200])
def test_a_table_fits_and_no_number_is_cut(room: int) -> None:
    lines = drawn(room)
    assert max(map(width, lines)) <= room
    words = " ".join(lines).split()
    assert all(number in words for number in NUMBERS)
    # Folded, not lost.
    assert "…" not in "".join(lines)
    for cell in (cell for row in ROWS for cell in row):
        assert all(word in "".join(lines) for word in re.findall(r"\w+", cell)), cell


def test_names_break_where_people_would_break_them() -> None:
    lines = list(
        table_lines(("key", "n"), [("anthropic/claude-opus-4-5:thinking", "1")], 22, plain)
    )
    assert [line.split("  ")[0].strip() for line in lines[2:]] == [
        "anthropic/claude-",
        "opus-4-5:thinking",
    ]


def test_what_no_table_holds_becomes_blocks_of_lines() -> None:
    columns = [f"column_{letter}" for letter in "abcdefgh"]
    rows = [["12345678"] * 8, ["1", *[""] * 6, "2"]]
    lines = list(table_lines(columns, rows, 60, plain))
    assert lines[:2] == ["column_a  12345678", "column_b  12345678"]
    assert lines[-3:] == ["", "column_a  1", "column_h  2"]


def test_a_cell_that_would_fill_the_screen_is_shortened() -> None:
    lines = list(table_lines(("text", "n"), [("word " * 200, "1")], 30, plain))
    assert len(lines) == 8
    assert lines[-1].endswith("…")


def test_colour_takes_no_place() -> None:
    bare = drawn(80)
    painted = list(table_lines(COLUMNS, ROWS, 80, lambda _, text: f"\x1b[32m{text}\x1b[0m"))
    cleaned = [re.sub(r"\x1b\[\d+m", "", line).rstrip() for line in painted]
    assert cleaned == bare


CELLS = st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=60)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=4),
    st.integers(min_value=40, max_value=200),
)
def test_any_text_fits_any_terminal(rows: list[list[str]], room: int) -> None:
    for line in table_lines(("one", "two", "three"), rows, room, plain):
        assert width(line) <= room
