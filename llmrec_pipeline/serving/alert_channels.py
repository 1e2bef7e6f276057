"""The channels by which a digest of alerts is told: a file, a webhook that takes JSON, and one that
takes what Slack takes. The orchestration adds one of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from llmrec_pipeline.domain.alerts import Alert
from llmrec_pipeline.domain.outside_text import harmless
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.alerts import post, shown
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.files import append_line

EVENT = "market_digest"
# What a chat service reads as a mention or a link, and its own way to write the sign itself. Some
# that take Slack's messages know @channel without Slack's brackets: a joiner that nobody sees
# stands between.
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "@\u2060"))


@dataclass(frozen=True, slots=True)
class Digest:
    """What is told at once."""

    alerts: Sequence[Alert]
    at: datetime
    edition: str | None


class Channel(Protocol):
    """Somewhere to tell a digest."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""

    @property
    def target(self) -> str:
        """Where it leads, fit to be printed."""

    def send(self, digest: Digest) -> str | None:
        """Tell it; why that failed, None where it did not."""


@dataclass(frozen=True, slots=True)
class File:
    """A line of JSON for each alert."""

    path: Path
    name: str = "file"

    @property
    def target(self) -> str:
        """The file."""
        return str(self.path)

    def send(self, digest: Digest) -> str | None:
        """Append a line an alert, with `at` and `edition`; why the file was not written, else None."""
        context = {"at": iso(digest.at), "edition": digest.edition}
        try:
            for alert in digest.alerts:
                append_line(self.path, {**context, **alert._asdict()})
        except OSError as error:
            return f"{self.path}: {error.strerror}"
        return None


@dataclass(frozen=True, slots=True)
class Webhook:
    """JSON with every alert of the digest."""

    url: SecretStr
    timeout_s: float
    name: str = "webhook"

    @property
    def target(self) -> str:
        """Scheme and machine; the rest of the address may be a secret."""
        return shown(self.url)

    def send(self, digest: Digest) -> str | None:
        """Post `as_json`; why it was not taken, else None."""
        return post(self.url, self.timeout_s, as_json(digest))


@dataclass(frozen=True, slots=True)
class Slack:
    """One message of plain text, a line for each alert."""

    url: SecretStr
    timeout_s: float
    lines: int
    name: str = "slack"

    @property
    def target(self) -> str:
        """Scheme and machine; the rest of the address may be a secret."""
        return shown(self.url)

    def send(self, digest: Digest) -> str | None:
        """Post `as_slack_text`; why it was not taken, else None."""
        content = {"text": as_slack_text(digest, self.lines), "mrkdwn": False}
        return post(self.url, self.timeout_s, content)


def as_json(digest: Digest) -> Mapping[str, Any]:
    """What a generic webhook is sent."""
    return {
        "event": EVENT,
        "at": iso(digest.at),
        "edition": digest.edition,
        "alerts": [alert._asdict() for alert in digest.alerts],
    }


def as_slack_text(digest: Digest, lines: int) -> str:
    """At most so many alerts, the others counted; a name can neither mention anybody nor link."""
    told = [f"• {_escaped(alert.text)}" for alert in digest.alerts[:lines]]
    if len(digest.alerts) > lines:
        told.append(f"… and {len(digest.alerts) - lines} more: llmrec alerts list")
    return "\n".join([f"llmrec, edition {_escaped(digest.edition or 'none')}", *told])


def _escaped(text: str) -> str:
    text = harmless(text)
    for sign, written in _ESCAPES:
        text = text.replace(sign, written)
    return " ".join(text.split())


def channels_of(settings: Settings) -> list[Channel]:
    """The channels that are configured and have an address."""
    config = settings.alerts
    channels: list[Channel] = []
    if config.file:
        channels.append(File(settings.locations.data / "alerts" / "alerts.jsonl"))
    if settings.webhook is not None:
        channels.append(Webhook(settings.webhook, config.timeout_s))
    if settings.slack_webhook is not None:
        channels.append(Slack(settings.slack_webhook, config.timeout_s, config.lines))
    return channels
