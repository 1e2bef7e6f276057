"""`llmrec backfill`: what it says, and the history that it leaves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline_tests.captured_days import FIRST, history, legacy_row, response, write
from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.publishers import AA

pytestmark = pytest.mark.usefixtures("in_this_process")

DAYS, MODELS = 10, 24
OFFLINE = {"LLMREC_OFFLINE": "1"}
PULLS = (
    "select snapshot_ts, status, reason, index_version, rebased, content_hash from pulls "
    f"where source = '{AA}' order by snapshot_ts"
)


@pytest.fixture
def offline(tmp_path: Path) -> Llmrec:
    """The command on an empty data folder, with nobody to ask."""
    return Llmrec(tmp_path / "data", OFFLINE)


def digest(llmrec: Llmrec) -> Any:
    (current,) = [row for row in llmrec.well("editions") if row["current"]]
    return current["content_digest"]


@pytest.mark.slow
def test_in_any_order_and_given_again_the_history_is_the_same(
    offline: Llmrec, tmp_path: Path
) -> None:
    paths = [str(path) for path in write(tmp_path / "captures", history(DAYS, MODELS))]
    told = offline.well("backfill", AA, str(tmp_path / "captures"))
    assert sum(told["counts"].values()) == DAYS
    assert set(told["counts"]) == {"new", "unchanged"}
    assert [entry["observed_at"] for entry in told["captures"]] == [
        f"{FIRST + timedelta(days=day):%Y-%m-%d}T00:00:00Z" for day in range(DAYS)
    ]
    assert [run["success"] for run in told["runs"]] == [True]
    assert told["edition"] == offline.current()
    pulls = offline.well("sql", PULLS)
    assert {row["status"] for row in pulls} == {"accepted", "quarantined"}
    assert [row["index_version"] for row in pulls if row["rebased"]] == [
        "inferred-2026-03-04",
        "inferred-2026-03-07",
    ]

    again = offline.well("backfill", AA, *reversed(paths))
    assert (again["counts"], again["new_edition"]) == ({"known": DAYS}, False)
    assert offline.well("sql", PULLS) == pulls

    other = Llmrec(tmp_path / "other" / "data", OFFLINE)
    for part in (paths[1::2], paths[::2]):
        other.well("backfill", AA, *reversed(part))
    assert other.well("sql", PULLS) == pulls
    assert digest(other) == digest(offline)


def test_what_cannot_be_taken_is_named_and_the_others_land(offline: Llmrec, tmp_path: Path) -> None:
    write(tmp_path / "captures", history(2, MODELS))
    (tmp_path / "captures" / "models.json").write_bytes(b"{}")
    (tmp_path / "captures" / "2026-02-01.json").write_bytes(b"{}")
    answer = offline("backfill", AA, str(tmp_path / "captures"), "--no-refresh")
    assert answer.code == 2
    assert answer.json["counts"] == {"invalid": 1, "new": 2, "refused": 1}
    assert (answer.json["runs"], answer.json["edition"]) == ([], None)
    lines = sorted(answer.err.splitlines())
    assert len(lines) == 2
    assert "2026-02-01.json: invalid: 2026-02-01.json: no list named data" in lines[0]
    assert "models.json: refused: its name has not one moment" in lines[1]
    assert "Traceback" not in answer.err


def test_mistakes_in_the_call_are_told_in_one_line(offline: Llmrec, tmp_path: Path) -> None:
    first, second = (str(path) for path in write(tmp_path / "captures", history(2, MODELS)))
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    for arguments, told in (
        (["artificial", first], "unknown source 'artificial'"),
        ([AA, first, second, "--at", "2026-03-01"], "speaks of one capture, and 2 were given"),
        ([AA, first, "--at", "yesterday"], "--at yesterday: is no moment"),
        ([AA, str(nothing)], "there is no file"),
    ):
        assert told in one_line(offline("backfill", *arguments), 2)
    assert not (offline.data / "raw").exists()


def test_a_table_for_a_terminal_and_a_stated_moment(offline: Llmrec, tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    page.write_bytes(response([legacy_row(number, 0) for number in range(MODELS)]))
    answer = offline(
        "backfill", AA, str(page), "--at", "2026-03-01T08:00:00+02:00", "--format", "table"
    )
    assert answer.code == 0, answer.err
    assert "2026-03-01T06:00:00Z" in answer.out
    assert "1 new." in answer.out
    assert f"Edition {offline.current()} (new)." in answer.out
