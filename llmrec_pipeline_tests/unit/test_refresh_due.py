"""Which sources an answer finds too old, whatever the clock has done since they were seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.serving.auto_refresh import sources_due
from llmrec_pipeline.storage.states import SourceState, write_state

_NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
_RULES = {"live_hours": 9.0, "backoff_minutes": 15.0}


@pytest.mark.parametrize(
    ("hours_ago", "is_due"),
    [
        pytest.param(1, False, id="fresh"),
        pytest.param(10, True, id="old"),
        pytest.param(-0.01, False, id="a clock set right by seconds"),
        pytest.param(-24 * 365, True, id="a clock that was a year ahead"),
    ],
)
def test_a_source_is_due_by_how_far_its_last_pull_is_from_now(
    tmp_path: Path, hours_ago: float, is_due: bool
) -> None:
    seen = iso(_NOW - timedelta(hours=hours_ago))
    place = Locations(data=tmp_path, config=tmp_path, offline=False)
    state = SourceState("s", last_status="new", last_attempt_at=seen, last_verified_at=seen)
    write_state(place.states, state)
    assert sources_due(place, {"s": {}}, _NOW, _RULES) == (["s"] if is_due else [])
