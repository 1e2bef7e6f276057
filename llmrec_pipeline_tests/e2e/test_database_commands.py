"""`llmrec db`: the same on both databases."""

from __future__ import annotations

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_upgrade_check_and_downgrade(llmrec: Llmrec, database_url: str) -> None:
    place = {"DATABASE_URL": database_url}
    unmigrated = llmrec("db", "check", **place)
    assert (unmigrated.code, len(unmigrated.json["differences"])) == (1, 1)
    upgraded = llmrec.well("db", "upgrade", **place)
    assert (upgraded["before"], upgraded["revision"]) == (None, upgraded["newest"])
    assert llmrec.well("db", "check", **place)["differences"] == []
    before = llmrec.well("db", "downgrade", "-1", **place)["revision"]
    assert before == f"{int(upgraded['newest']) - 1:04}"
    assert llmrec.well("db", "downgrade", "base", **place)["revision"] is None
    assert "9999" in one_line(llmrec("db", "upgrade", "9999", **place), 1)


def test_the_embedded_store_is_said(llmrec: Llmrec) -> None:
    answer = llmrec("db", "upgrade")
    assert answer.code == 0
    assert f"DATABASE_URL is not set; the evidence store is SQLite {llmrec.data}" in answer.err


def test_production_needs_a_database_of_its_own(llmrec: Llmrec) -> None:
    line = one_line(llmrec("db", "upgrade", LLMREC_ENV="production"), 5)
    assert "DATABASE_URL: missing" in line
    assert not (llmrec.data / "evidence.sqlite3").exists()
