"""When something was observed, from its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.capture_names import moment_in_name, stated_moment
from llmrec_pipeline.domain.timestamps import iso, stamp

DAY = datetime(2026, 3, 1, tzinfo=UTC)
SIX = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("2026-03-01", DAY),
        ("2026-03-01.json", DAY),
        ("aa-2026-03-01.json.gz", DAY),
        ("legacy_40_rows_2026-03-01.json", DAY),
        ("2026-03-01_40_rows.json", DAY),
        ("2026-03-01T06:00:00Z", SIX),
        ("2026-03-01T06-00-00Z.json", SIX),
        ("2026-03-01T06_00_00Z.json", SIX),
        ("2026-03-01T06-00.json", SIX),
        ("models.20260301T060000Z.json", SIX),
        ("20260301T060000.250000Z", SIX.replace(microsecond=250_000)),
        ("20260301T0600Z", SIX),
    ],
)
def test_a_moment_in_a_name(name: str, moment: datetime) -> None:
    assert moment_in_name(name) == moment


@pytest.mark.parametrize(
    "name",
    [
        "models.json",
        "page-001.json",
        "20260301.json",  # any eight digits
        "12026-03-01.json",
        "2026-03-011.json",
        "2026-03-01_to_2026-03-02.json",
        "2026-03-01T06.json",
        "2026-03-01T06-00-00+02-00.json",
    ],
)
def test_no_moment_or_more_than_one(name: str) -> None:
    assert moment_in_name(name) is None


@pytest.mark.parametrize(
    ("name", "problem"), [("2026-02-30.json", "day"), ("2026-03-01T25-00-00Z.json", "hour")]
)
def test_a_moment_that_no_calendar_has(name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        moment_in_name(name)


@given(st.integers(0, 10**16).map(lambda us: DAY + timedelta(microseconds=us)))
def test_what_we_write_we_read(moment: datetime) -> None:
    for name in (stamp(moment), iso(moment), iso(moment).replace(":", "-")):
        assert moment_in_name(f"aa {name} page.json") == moment
        assert stated_moment(name) == moment


def test_a_stated_moment_may_have_an_offset_and_never_lacks_a_zone() -> None:
    assert stated_moment("2026-03-01T08:00:00+02:00") == SIX
    assert stated_moment("2026-03-01") == DAY
    for text in ("yesterday", "2026-03-01T08", "2026-03-01 tea", "2026-13-01"):
        with pytest.raises(ValueError, match=r"isoformat|time zone|month"):
            stated_moment(text)
