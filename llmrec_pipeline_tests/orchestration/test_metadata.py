"""What the UI is given to show: inline, harmless, and with lineage that exists."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from dagster import AssetKey
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.records import (
    BRONZE_MODELS,
    CATEGORY_RANKINGS,
    MODELS_HISTORY,
    MODELS_LATEST,
    MODELS_SNAPSHOT,
    SILVER_MODELS,
    TASK_RANKINGS,
)
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.orchestration.lineage import bronze_lineage, column_lineage
from llmrec_pipeline.orchestration.metadata import markdown
from llmrec_pipeline.orchestration.plots import INLINE_LIMIT, Point, bar, quality_by_price
from llmrec_pipeline_tests.schema_tables import TABLES

# What a column holds that neither passes through nor is made of columns: what comes from measures,
# pages and rules.
OF_ITS_OWN = {
    BRONZE_MODELS.name: {"content_hash", "landed_at"},
    SILVER_MODELS.name: {"identity_method", "origin", "writing_index"},
    MODELS_HISTORY.name: {"identity_method"},
    MODELS_LATEST.name: {"listed"},
    TASK_RANKINGS.name: {
        *("task_type", "priority", "scorer", "rank"),
        *("basis_source", "basis_column", "basis_index_version"),
    },
    CATEGORY_RANKINGS.name: {"category", "rank", "score", "sources"},
}


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_each_column_tells_where_it_comes_from(name: str) -> None:
    table = TABLES[name]
    found = bronze_lineage(["lmarena"]) if table is BRONZE_MODELS else column_lineage(table)
    deps = found["dagster/column_lineage"].deps_by_column
    assert set(table.names) - set(deps) == OF_ITS_OWN[name]
    assert set(deps) <= set(table.names)
    for column, sources in deps.items():
        assert sources, column
        for dep in sources:
            assert dep.column_name in _table(dep.asset_key).names, column


def _table(key: AssetKey) -> Table:
    return MODELS_SNAPSHOT if key.path[0] == "bronze" else TABLES[key.to_user_string()]


PRICES = st.floats(0.001, 1_000)
QUALITIES = st.floats(-1_000, 2_000)


@given(st.lists(st.builds(Point, PRICES, QUALITIES), max_size=120))
def test_a_plot_is_shown_inline_and_drawn_within_its_frame(points: list[Point]) -> None:
    text = str(quality_by_price(points, "quality_index of artificial_analysis").value)
    assert len(text) < INLINE_LIMIT
    if not points:
        assert text.startswith("No model")
        return
    found = re.search(r"\((data:image/svg\+xml,([^\s()]+))\)$", text)
    assert found is not None
    svg = ElementTree.fromstring(unquote(found[2]))
    dots = next(path.get("d", "") for path in svg.iter() if path.get("stroke-linecap"))
    places = [tuple(map(int, dot.split(","))) for dot in re.findall(r"M(\d+,\d+)h0", dots)]
    assert 1 <= len(places) <= len(points)
    assert all(34 <= x <= 312 and 8 <= y <= 120 for x, y in places)
    assert len(places) == len(points) or f"{len(places)} of {len(points)} models" in text


def test_a_table_is_shown_inline_and_counts_what_it_leaves_out() -> None:
    rows = [{"model": f"model {number}", "note": "x" * 40} for number in range(40)]
    text = str(markdown(rows, ("model", "note")).value)
    assert len(text) < INLINE_LIMIT
    shown = text.count("x" * 40)
    assert text.endswith(f"… and {40 - shown} more")
    assert str(markdown(rows[:3], ("model", "note")).value).count("\n") == 4
    assert markdown([], ("model", "note")).value == "none"
    huge = [{"model": "y" * 2_000, "note": None}]
    assert "y" * 2_000 in str(markdown(huge, ("model", "note")).value)


def test_bars() -> None:
    assert [bar(value, 60) for value in (60, 30, 1, 0)] == ["██████", "███", "█", ""]
