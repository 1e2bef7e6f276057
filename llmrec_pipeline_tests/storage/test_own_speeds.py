"""Speed that our own calls measured, beside public figures or instead of them, by setting."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.domain.ranking_pool import task_rankings
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import current_edition
from llmrec_pipeline_tests.storage.pulled import AA, START, DataFolder, at, model, models
from llmrec_pipeline_tests.usage_events import Event, event, write_partitions

OPUS = "anthropic/claude-opus-4-5"
_HOUR = timedelta(hours=1)


def _folder(path: Path, measured_speed: str) -> DataFolder:
    settings = load_settings({"LLMREC_TELEMETRY__MEASURED_SPEED": measured_speed})
    folder = DataFolder(path, settings)
    opus = model(
        90,
        source_model_id="opus",
        model_name="Claude Opus 4.5",
        creator="Anthropic",
        output_tokens_per_s=40.0,
        ttft_s=2.0,
    )
    folder.land(AA, at(0), [*models(12), opus])
    return folder


def _calls(n: int, **values: Any) -> list[Event]:
    """As many calls, 100 tokens in two seconds after half a second each."""
    told = {
        "provider_name": "anthropic",
        "response_model": "claude-opus-4-5-20251101",
        "duration_s": 2.5,
        "time_to_first_chunk_s": 0.5,
        **values,
    }
    return [event(number, START - _HOUR, **told) for number in range(n)]


@pytest.mark.parametrize(
    ("measured_speed", "calls", "expected"),
    [
        ("outranks", _calls(50), (50.0, "own_telemetry", 0.5, "own_telemetry")),
        ("outranks", _calls(49), (40.0, AA, 2.0, AA)),
        # The speed of another host is not that of the offering that is ranked.
        ("outranks", _calls(50, provider_name="aws.bedrock"), (40.0, AA, 2.0, AA)),
        ("outranks", _calls(50, time_to_first_chunk_s=None), (40.0, "own_telemetry", 2.0, AA)),
        ("beside", _calls(50), (40.0, AA, 2.0, AA)),
    ],
)
def test_who_tells_the_speed(
    measured_speed: str, calls: list[Event], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    folder = _folder(tmp_path, measured_speed)
    write_partitions(folder.settings.locations.usage_events, calls)
    found = folder.latest(at(1))[OPUS]
    columns = ("output_tokens_per_s", "output_tokens_per_s_source", "ttft_s", "ttft_s_source")
    assert tuple(found[column] for column in columns) == expected


def test_a_ranking_names_it_and_forgets_it_with_the_setting(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "outranks")
    write_partitions(folder.settings.locations.usage_events, _calls(60))
    folder.refresh(at(1))
    edition = current_edition(folder.published)
    assert edition is not None
    payload = edition.ranking()
    (opus,) = (m for m in payload["models"] if m["canonical_model_key"] == OPUS)
    (own,) = (offering for offering in opus["offerings"] if offering["is_creator_host"])
    assert own["output_tokens_per_s_source"] == "own_telemetry"
    assert task_rankings(payload)
    # The window ends with the events and not with the clock.
    assert folder.latest(at(20))[OPUS]["output_tokens_per_s"] == 50.0
    other = load_settings({"LLMREC_TELEMETRY__MEASURED_SPEED": "beside"})
    assert other.content_hash != folder.settings.content_hash
    folder.settings = other.model_copy(update={"locations": folder.settings.locations})
    assert folder.latest(at(2))[OPUS]["output_tokens_per_s_source"] == AA
