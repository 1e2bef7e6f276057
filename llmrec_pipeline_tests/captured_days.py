"""A publisher's responses as somebody captured them, a file a day: Artificial Analysis's legacy
shape, which names no index version. All names and values are invented.

`python -m llmrec_pipeline_tests.captured_days FOLDER --days 200 --models 500` writes a history
with two rebases, a day with a third of the models missing, days without a change, and models that
come and go.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
# One day in so many repeats the one before; one model goes and one comes every so many days.
_QUIET, _CHURN = 5, 3

Row = dict[str, Any]


def legacy_row(number: int, day: int, factor: float = 1.0) -> Row:
    """A model with values of its own; speed and price move from day to day, indices do not."""
    dice = np.random.default_rng(number)
    ability = dice.beta(2, 2.5)
    today = np.random.default_rng([number, day])
    price = round(float(0.1 + 10 * ability**3), 2)
    return {
        "id": f"id-{number:05d}",
        "name": f"Invented {number}",
        "slug": f"invented-{number}",
        "release_date": "2025-05-05",
        "model_creator": {"id": "lab", "name": f"Laboratory {number % 20}", "slug": "lab"},
        "evaluations": {
            "artificial_analysis_intelligence_index": round(factor * (5 + 60 * ability), 1),
            "artificial_analysis_coding_index": round(factor * (2 + 55 * dice.beta(2, 2)), 1),
            "artificial_analysis_math_index": round(factor * (5 + 90 * dice.beta(2, 2)), 1),
            "mmlu_pro": round(0.4 + 0.5 * ability, 3),
            "gpqa": round(0.2 + 0.7 * ability, 3),
        },
        "pricing": {
            "price_1m_blended_3_to_1": price * 2,
            "price_1m_input_tokens": price,
            "price_1m_output_tokens": price * 4,
        },
        "median_output_tokens_per_second": round(float(50 + 100 * today.random()), 2),
        "median_time_to_first_token_seconds": round(float(0.2 + today.random()), 2),
        "median_time_to_first_answer_token": round(float(0.2 + today.random()), 2),
    }


def response(rows: Sequence[Row]) -> bytes:
    """The page with these models."""
    return json.dumps({"status": 200, "data": list(rows)}).encode()


def history(days: int, models: int) -> list[tuple[datetime, bytes]]:
    """The page of each day: a whole rebase after a third of the days, a partial one (a third of
    the models) after two thirds, a gap in the middle."""
    pages = []
    whole, gap, partial = days // 3, days // 2, 2 * days // 3
    for number in range(days):
        day = number - (number % _QUIET == _QUIET - 1)
        first = day // _CHURN
        rows = []
        for model in range(first, first + models):
            factor = 1.0 if day < whole else 0.7
            factor = 0.5 if day >= partial and model % 3 == 0 else factor
            if number != gap or model % 3:
                rows.append(legacy_row(model, day, factor))
        pages.append((FIRST + number * _DAY, response(rows)))
    return pages


def write(folder: Path, pages: Sequence[tuple[datetime, bytes]]) -> list[Path]:
    """One file a day, named by it."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for moment, body in pages:
        paths.append(folder / f"models-{moment:%Y-%m-%d}.json")
        paths[-1].write_bytes(body)
    return paths


def main() -> None:
    """Write a history into a folder."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.captured_days", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--models", type=int, default=500)
    chosen = parser.parse_args()
    write(chosen.folder, history(chosen.days, chosen.models))


if __name__ == "__main__":
    main()
