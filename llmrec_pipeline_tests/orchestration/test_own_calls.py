"""The asset `model_runtime_stats`: entered once, unknown names told, absence and age warned of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from llmrec_pipeline.orchestration import vocabulary
from llmrec_pipeline.orchestration.checks import missing_telemetry
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline
from llmrec_pipeline_tests.storage.evidence_rows import START
from llmrec_pipeline_tests.usage_events import event, write_partitions

CHECK = "model_runtime_stats: telemetry_is_present_and_recent"


def test_our_own_calls_are_entered_once_and_doubts_are_told(ran: Pipeline) -> None:
    without = ran.run(vocabulary.JOB_EVIDENCE)
    assert without.success, without.error
    check = ran.checks(without)[CHECK]
    assert (check.passed, check.severity.value) == (False, "WARN")
    yesterday = ran.clock() - timedelta(days=1)
    write_partitions(
        ran.settings.locations.usage_events,
        [
            event(1, yesterday, provider_name="google", response_model="gemini-2.5-flash"),
            event(2, yesterday, provider_name=None, response_model="newcomer", calls=4),
        ],
    )
    first, again = (ran.run(vocabulary.JOB_EVIDENCE) for _ in range(2))
    told = first.metadata["model_runtime_stats"]
    assert (told["new"], told["calls"], told["dagster/row_count"]) == (2, 5, 2)
    (unknown,) = told["unknown_models"]
    assert (unknown["provider_name"], unknown["model_name"], unknown["calls"]) == (
        "",
        "newcomer",
        4,
    )
    assert unknown["reason"].startswith("no rule says which model")
    same = again.metadata["model_runtime_stats"]
    assert (same["new"], same["changed"]) == (0, 0)
    assert ran.checks(first)[CHECK].passed


@pytest.mark.parametrize(
    ("days", "problem"), [(None, "no calls of our own"), (8, "8 days old"), (7, None)]
)
def test_what_is_recent(days: int | None, problem: str | None) -> None:
    newest = None if days is None else START - timedelta(days=days)
    found = missing_telemetry(newest, START, recent_days=7)
    assert [problem in line for line in found if problem] == ([True] if problem else [])
    assert bool(found) == bool(problem)
