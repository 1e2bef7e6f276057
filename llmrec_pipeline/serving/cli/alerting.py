"""`llmrec alerts list`, `send` and `test`: what deserves attention, and whom it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from llmrec_pipeline.domain.alert_ledger import pending
from llmrec_pipeline.domain.alerts import TEST, Alert
from llmrec_pipeline.serving.alert_channels import Digest, channels_of
from llmrec_pipeline.serving.cli import FAILED, OK
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.market_digest import Delivery, look, send_digest
from llmrec_pipeline.settings import Settings, load_settings

_DELIVERY = ("channel", "target", "alerts", "problem")


def list_alerts(wanted: Format | None) -> int:
    """Print what stands and what stood within the cooldown, newest first."""
    settings = load_settings()
    edition, found = look(settings, channels_of(settings), datetime.now(UTC))
    entries = sorted(found.entries, key=lambda entry: entry.raised_at, reverse=True)
    rows = [entry.to_mapping() for entry in entries]
    if chosen(wanted) is Format.JSON:
        print_json(rows)
        return OK
    shown = [
        {**row, "raised_at": row["raised_at"][:16], "told": ", ".join(row["told"]) or "nobody yet"}
        for row in rows
    ]
    print_table(shown, ("raised_at", "kind", "text", "stands", "told"))
    say(f"{len(rows)} alerts, edition {edition.name}.")
    _note_unset(settings)
    return OK


def send(dry_run: bool, wanted: Format | None) -> int:
    """Send what is due, or say what would be sent, and print what came of each channel."""
    settings = load_settings()
    channels = channels_of(settings)
    now = datetime.now(UTC)
    if not dry_run:
        sent = send_digest(settings, channels, now)
        return _print_deliveries(sent.deliveries, settings, wanted)
    edition, found = look(settings, channels, now)
    due = {channel: pending(found.entries, channel.name) for channel in channels}
    if chosen(wanted) is Format.JSON:
        print_json(
            {
                channel.name: {"target": channel.target, "alerts": [a._asdict() for a in alerts]}
                for channel, alerts in due.items()
            }
        )
        return OK
    for channel, alerts in due.items():
        say(f"{channel.name} ({channel.target}): {len(alerts)} alerts of edition {edition.name}")
        for alert in alerts:
            say(f"  {alert.text}")
    _note_unset(settings)
    return OK


def test(wanted: Format | None) -> int:
    """Send one alert that says that it is a test; the ledger knows nothing of it."""
    settings = load_settings()
    alert = Alert(TEST, "llmrec", "test", "This is a test: alerts of llmrec arrive here.")
    digest = Digest([alert], datetime.now(UTC), None)
    deliveries = [
        Delivery(channel.name, channel.target, 1, channel.send(digest))
        for channel in channels_of(settings)
    ]
    return _print_deliveries(deliveries, settings, wanted)


def _print_deliveries(
    deliveries: Sequence[Delivery], settings: Settings, wanted: Format | None
) -> int:
    rows = [asdict(delivery) for delivery in deliveries]
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        print_table([{**row, "problem": row["problem"] or "none"} for row in rows], _DELIVERY)
        _note_unset(settings)
    failed = [delivery for delivery in deliveries if delivery.problem]
    for delivery in failed:
        note(f"llmrec: {delivery.channel} ({delivery.target}): {delivery.problem}")
    return FAILED if failed else OK


def _note_unset(settings: Settings) -> None:
    """Say which channels nobody has given an address."""
    for url, variable in (
        (settings.webhook, settings.alerts.webhook_variable),
        (settings.slack_webhook, settings.alerts.slack_variable),
    ):
        if url is None:
            say(f"{variable} is not set: nobody is told there.")
