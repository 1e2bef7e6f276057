"""The digest of a refresh: told once by every channel, whatever a channel does."""

from __future__ import annotations

import json
from typing import Any

from dagster import AssetCheckSeverity, AssetKey, AssetRecordsFilter

from llmrec_pipeline_tests.hook import Hook
from llmrec_pipeline_tests.orchestration.pipeline import Pipeline
from llmrec_pipeline_tests.publishers import AA, HtmlPage, Publishers

CHECK = "market_digest: every_channel_took_its_alerts"


def _observed(pipeline: Pipeline, key: AssetKey) -> list[str | None]:
    records = pipeline.instance.fetch_observations(AssetRecordsFilter(key), limit=100).records
    return [record.asset_observation.description for record in records if record.asset_observation]


def _refresh(pipeline: Pipeline) -> tuple[Any, Any]:
    """The digest's metadata, and its check."""
    summary = pipeline.run("refresh")
    assert summary.success, summary.error
    return summary.metadata["market_digest"], pipeline.checks(summary)[CHECK]


def test_each_alert_once_on_each_channel_and_a_failure_is_no_failed_refresh(
    ran: Pipeline, town: Publishers, hook: Hook
) -> None:
    ran.environment = {
        **ran.environment,
        "LLMREC_ALERT_WEBHOOK": hook.url,
        "LLMREC_ALERT_SLACK_WEBHOOK": hook.url,
        "LLMREC_ALERTS__RULES__DOMINATED__ENABLED": "false",
    }
    (ran.data / "state" / "alerts" / "ledger.json").unlink()
    (ran.data / "alerts" / "alerts.jsonl").unlink()
    # Half a day later one publisher answers with a page of another kind.
    town.fault(AA, HtmlPage())
    ran.clock.move(hours=12)
    assert ran.run("ingest").success
    hook.status = 503
    metadata, check = _refresh(ran)
    (stale,) = _observed(ran, AssetKey(["bronze", AA]))
    assert stale is not None
    assert stale.startswith(f"Source {AA} is not live: last seen ")
    assert metadata["standing/source_stale"] == metadata["dagster/row_count"] == 1
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    assert check.description == "webhook: answered 503; slack: answered 503"
    assert "secret" not in json.dumps(metadata, default=str)
    assert [sorted(content) for content in hook.told] == [
        ["alerts", "at", "edition", "event"],
        ["mrkdwn", "text"],
    ]

    hook.status = 200
    hook.told.clear()
    metadata, check = _refresh(ran)
    assert check.passed
    assert metadata["new_alerts"] == 0
    generic, slack = hook.told
    assert [alert["text"] for alert in generic["alerts"]] == [stale]
    assert slack["text"].splitlines()[1:] == [f"• {stale}"]

    hook.told.clear()
    _refresh(ran)
    assert hook.told == []
    assert _observed(ran, AssetKey(["bronze", AA])) == [stale]
    lines = (ran.data / "alerts" / "alerts.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [stale]


def test_a_ledger_that_cannot_be_written_or_read_fails_no_refresh(ran: Pipeline) -> None:
    ledger = ran.data / "state" / "alerts" / "ledger.json"
    ledger.unlink(missing_ok=True)
    ledger.mkdir(parents=True)
    summary = ran.run("refresh")
    assert summary.success
    check = ran.checks(summary)[CHECK]
    assert not check.passed
    assert str(ledger) in str(check.description)
    ledger.rmdir()
    ledger.write_text("[{]", encoding="utf-8")
    metadata, check = _refresh(ran)
    assert check.passed
    assert metadata["new_alerts"] == metadata["dagster/row_count"]
