"""`llmrec intel compute-runtime-stats` and `llmrec workload estimate`, and the spend in advice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.usage_events import event, write_partitions

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_our_own_calls_tell_what_another_model_would_save(ran: Llmrec) -> None:
    place = {"DATABASE_URL": f"sqlite:///{ran.data / 'evidence.sqlite3'}"}
    ran.well("intel", "ingest-catalog", **place)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    calls = [
        event(
            number,
            yesterday,
            provider_name="google",
            response_model="gemini-2.5-flash",
            role="tidy_semantic",
            input_tokens=1_000_000,
        )
        for number in range(3)
    ]
    nothing = ran("intel", "compute-runtime-stats", **place)
    assert nothing.json["calls"] == 0
    assert "ends at the last midnight" in one_line(nothing, 0)
    unknown = event(9, yesterday, provider_name=None, response_model="newcomer")
    write_partitions(ran.data / "telemetry" / "events", [*calls, unknown])
    answer = ran("intel", "compute-runtime-stats", "--window-days", "3", **place)
    assert answer.code == 0, answer.err
    assert one_line(answer, 0).startswith(
        "llmrec: 'newcomer' of no host is no known model (1 calls)"
    )
    assert (answer.json["calls"], answer.json["rows"]["new"]) == (4, 2)
    again = ran.well("intel", "compute-runtime-stats", "--window-days", "3", **place)
    assert (again["rows"]["new"], again["rows"]["changed"]) == (0, 0)
    assert again["stats"] == answer.json["stats"]
    advice = ran.well("intel", "recommend", "--use-case", "tidy_semantic", **place)
    found = [*advice["candidates"], *advice["considered"]]
    assert found
    for candidate in found:
        current, other = (
            candidate[f"monthly_cost_usd_{which}"] for which in ("current", "candidate")
        )
        assert candidate["monthly_delta_usd"] == pytest.approx(other - current, abs=0.011)
        assert candidate["spend_window"]["calls"] == 3
        assert candidate["spend_window"]["roles"] == ["tidy_semantic"]
        assert "At our own volume (3 calls as tidy_semantic" in candidate["reasoning"]


def test_events_elsewhere_that_cannot_be_read_are_told(ran: Llmrec) -> None:
    place = {"DATABASE_URL": f"sqlite:///{ran.data / 'evidence.sqlite3'}"}
    for url, code in (("mysql://host/x", 5), ("postgresql://127.0.0.1:1/x", 1)):
        answer = ran("intel", "compute-runtime-stats", LLMREC_TELEMETRY_URL=url, **place)
        one_line(answer, code)


def test_a_workload_is_estimated(reader: Llmrec, tmp_path: Path) -> None:
    rows = [
        {"input_tokens": 1_000_000, "output_tokens": 0, "model": "gemini-2.5-flash"},
        {"input_tokens": 500, "output_tokens": 10, "calls": 5, "model": "newcomer"},
    ]
    lines = tmp_path / "load.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    told = reader.well("workload", "estimate", str(lines))
    assert (told["rows"], told["calls"], told["input_tokens"]) == (2, 6, 1_000_500)
    assert told["without_price"] == ["newcomer"]
    costs = [row["cost_usd"] for row in told["models"]]
    assert costs == sorted(costs)
    assert len(costs) > 5
    (flash,) = reader.well("workload", "estimate", str(lines), "--model", "gemini-2.5-flash")[
        "models"
    ]
    assert 0 < told["as_it_is_usd"] < flash["cost_usd"]
    table = tmp_path / "load.csv"
    table.write_text("input_tokens,output_tokens\n7,x\n", "utf-8")
    assert f"{table}: line 2: output_tokens: 'x' is not allowed" in one_line(
        reader("workload", "estimate", str(table)), 2
    )
    table.write_text("input_tokens,output_tokens\n1,000,2\n", "utf-8")
    assert f"{table}: line 2: has more cells" in one_line(
        reader("workload", "estimate", str(table)), 2
    )
    table.write_text("input,output_tokens\n7,1\n", "utf-8")
    assert "has no column input_tokens" in one_line(reader("workload", "estimate", str(table)), 2)
    unknown = reader("workload", "estimate", str(lines), "--model", "nobody")
    assert "unknown model 'nobody'" in one_line(unknown, 2)
