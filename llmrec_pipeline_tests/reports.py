"""An edition to report on: two index versions, a price that moved, hostile names, proposals and own
calls. All names and values are invented, but for the models that config/models.yaml names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.records import MODEL_RECOMMENDATIONS, MODEL_RUNTIME_STATS
from llmrec_pipeline.storage.editions import Edition
from llmrec_pipeline.storage.written import export_records
from llmrec_pipeline_tests.storage.pulled import AA, LMARENA, DataFolder, at, model

CURRENT, BETTER = "anthropic/claude-opus-4-5", "laboratory/invented-30"
HOSTILE = {
    1: '<img src=x onerror="window.hacked=1">',
    2: "a|b `c` *d* [e](javascript:alert(1))",
    3: "</script><script>window.hacked=1</script>",
    4: '=HYPERLINK("https://example.org","@here")',
    5: "https://example.org/<!-- @everyone -->\x1b[2J\u202e\n# <!channel>",
}
# Six-hour rounds: one a day, with another index version from the fourth day on.
ROUNDS, REBASED, REPRICED = 8, 4, 5
_IN_A_DAY = 4
_WINDOW_END = datetime(2026, 6, 6, tzinfo=UTC)


def round_rows(number: int) -> list[dict[str, Any]]:
    """What the first publisher says on a day."""
    rows = [model(n) for n in range(6, 31)]
    rows += [model(n, model_name=name) for n, name in HOSTILE.items()]
    rows.append(
        model(
            31,
            model_name="Claude Opus 4.5",
            creator="Anthropic",
            source_url="https://example.org/claude",
        )
    )
    for row in rows:
        if number >= REBASED:
            row["quality_index"] *= 0.7
    if number >= REPRICED:
        rows[24]["price_input_per_1m"] = 1.5
    return rows


def report_folder(data: Path, *, backwards: bool = False) -> DataFolder:
    """Pulls of some days and what people and our own calls say, not yet refreshed."""
    folder = DataFolder(data)
    numbers = range(ROUNDS)
    for number in reversed(numbers) if backwards else numbers:
        version = "4.3" if number >= REBASED else "4.1"
        folder.land(AA, at(_IN_A_DAY * number), round_rows(number), index_version=version)
        others = [model(n, quality_index=1400.0 + n) for n in range(6, 31)]
        folder.land(LMARENA, at(_IN_A_DAY * number), others)
    export_records(folder.settings.locations.evidence, RECORDS)
    return folder


def reported_edition(folder: DataFolder) -> Edition:
    """The edition of a refresh an hour after the last round."""
    return folder.refresh(at(_IN_A_DAY * (ROUNDS - 1)) + timedelta(hours=1)).edition


RECORDS: dict[str, list[dict[str, Any]]] = {
    MODEL_RECOMMENDATIONS.name: [
        {
            "id": 7,
            "created_at": _WINDOW_END,
            "status": "proposed",
            "use_case": "builder_high",
            "current_model": CURRENT,
            "recommended_model": BETTER,
            "reasoning": "Another provider | <b>cheaper</b>.",
            "expected_cost_delta_pct": -25.0,
            "expected_quality_delta": 0.125,
            "monthly_delta_usd": -60.88,
            "confidence": 0.9,
            "evidence_counts": '{"benchmarks": 2, "prices": 2}',
        }
    ],
    MODEL_RUNTIME_STATS.name: [
        {
            "window_start": _WINDOW_END - timedelta(days=30),
            "window_end": _WINDOW_END,
            "provider": "anthropic",
            "model": CURRENT,
            "role": "builder_high",
            "calls": 1200,
            "total_tokens": 3_000_000,
            "est_cost_usd": 240.0,
            "success_rate": 0.95,
            "success_low": 0.93,
            "success_high": 0.96,
            "p50_latency_s": 6.5,
            "p50_ttft_s": 0.8,
        }
    ],
}
