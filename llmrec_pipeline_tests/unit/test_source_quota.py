"""Whether one more request stays within what a publisher allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.source_quota import over_quota
from llmrec_pipeline.domain.timestamps import iso

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def ago(*hours: float) -> list[datetime]:
    return [NOW - timedelta(hours=hour) for hour in sorted(hours, reverse=True)]


def told(remaining: Any, *, hours_ago: float = 1, reset: Any = None) -> dict[str, Any]:
    seen_at = iso(NOW - timedelta(hours=hours_ago))
    return {"limit": 100, "remaining": remaining, "reset": reset, "seen_at": seen_at}


@pytest.mark.parametrize(
    ("attempts", "reason"),
    [
        ([], None),
        (ago(1, 2), None),
        (ago(1, 2, 23), "the next is free at 2026-05-01T13:00:00Z"),
        (ago(1, 2, 25), None),
        (ago(1, 2, 3, 4), "the next is free at 2026-05-02T09:00:00Z"),
    ],
)
def test_our_own_count_slides(attempts: list[datetime], reason: str | None) -> None:
    found = over_quota(3, DAY, attempts, None, NOW)
    assert (found is None) == (reason is None)
    assert reason is None or str(found).endswith(reason)


@pytest.mark.parametrize(
    ("count", "refused"),
    [
        (told(5), False),
        (told(0), True),
        (told(0, reset=str(int((NOW + DAY).timestamp()))), True),
        (told(0, reset=str(int((NOW - timedelta(minutes=1)).timestamp()))), False),
        (told(0, reset="1800"), False),
        (told(0, reset="7200"), True),
        (told(0, reset=iso(NOW + timedelta(minutes=5))), True),
        (told(0, reset="soon"), True),
        (told(0, hours_ago=25), False),
        (told(None), False),
        ({"remaining": 0}, False),
    ],
)
def test_the_publishers_count_wins_while_it_is_valid(count: dict[str, Any], refused: bool) -> None:
    found = over_quota(3, DAY, [], count, NOW)
    assert (found is not None) == refused
    if refused:
        assert "its publisher counts no request left" in str(found)


def test_what_the_publisher_leaves_is_allowed_whatever_we_count() -> None:
    many = ago(1, 2, 3, 4, 5)
    assert over_quota(3, DAY, many, told(1), NOW) is None
    assert over_quota(3, DAY, many, told(1, hours_ago=30), NOW) is not None


@given(
    st.lists(st.floats(0, 100), max_size=30),
    st.integers(1, 10),
    st.floats(0.1, 50),
)
def test_no_window_ever_holds_more_than_is_allowed(
    hours: list[float], allowed: int, window_h: float
) -> None:
    window = timedelta(hours=window_h)
    made: list[datetime] = []
    for hour in sorted(hours):
        moment = NOW + timedelta(hours=hour)
        if over_quota(allowed, window, made, None, moment) is None:
            made.append(moment)
            assert sum(earlier > moment - window for earlier in made) <= allowed
