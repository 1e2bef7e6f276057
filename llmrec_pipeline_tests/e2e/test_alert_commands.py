"""`llmrec alerts` over a real webhook."""

from __future__ import annotations

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec
from llmrec_pipeline_tests.hook import Hook

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_alerts_are_tried_listed_and_sent(ran: Llmrec, hook: Hook) -> None:
    told = {"LLMREC_ALERT_WEBHOOK": hook.url}
    tried = ran.well("alerts", "test", **told)
    assert [(row["channel"], row["problem"]) for row in tried] == [
        ("file", None),
        ("webhook", None),
    ]
    assert [alert["kind"] for alert in hook.told[0]["alerts"]] == ["test"]
    assert tried[1]["target"] == "http://127.0.0.1/…"

    hook.status = 410
    failed = ran("alerts", "test", **told)
    assert failed.code == 1
    assert failed.err == "llmrec: webhook (http://127.0.0.1/…): answered 410\n"
    assert "secret" not in failed.out + failed.err

    # A ledger that is gone: what stands is news again.
    (ran.data / "state" / "alerts" / "ledger.json").unlink()
    standing = [row["text"] for row in ran.well("alerts", "list")]
    planned = ran.well("alerts", "send", "--dry-run", **told)
    assert [alert["text"] for alert in planned["webhook"]["alerts"]] == standing
    hook.status = 200
    hook.told.clear()
    for sent in (len(standing), 0):
        (outcome,) = [
            row for row in ran.well("alerts", "send", **told) if row["channel"] == "webhook"
        ]
        assert (outcome["alerts"], outcome["problem"]) == (sent, None)
    assert [len(content["alerts"]) for content in hook.told] == (
        [len(standing)] if standing else []
    )
    assert all("webhook" in row["told"] for row in ran.well("alerts", "list"))
    table = ran("alerts", "list", "--format", "table")
    assert "LLMREC_ALERT_WEBHOOK is not set: nobody is told there." in table.out
