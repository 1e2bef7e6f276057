"""The digest of an edition: what deserves attention in it, told once on each channel."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmrec_pipeline.domain import alert_ledger
from llmrec_pipeline.domain.alert_ledger import Entry
from llmrec_pipeline.domain.alerts import Alert, Facts, ModelInUse, find_alerts
from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.serving.alert_channels import Channel, Digest
from llmrec_pipeline.serving.standing import origins_now
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.alert_state import ledger_lock, read_ledger, write_ledger
from llmrec_pipeline.storage.editions import Edition, find_edition
from llmrec_pipeline.team_settings import load_team_settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of one channel: how many alerts it was to be told, and why that failed."""

    channel: str
    target: str
    alerts: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What was found, what of it is new, and what came of each channel."""

    edition: str
    entries: Sequence[Entry]
    new: Sequence[Alert]
    deliveries: Sequence[Delivery]


def send_digest(settings: Settings, channels: Sequence[Channel], now: datetime) -> Sent:
    """Tell each channel what it was not told yet. What a channel does not take stays to be told;
    that is logged, and fails nothing. Raises EditionError before the first edition."""
    with ledger_lock(settings.locations):
        edition, found = look(settings, channels, now)
        entries = found.entries
        for lost in found.given_up:
            _log.warning("given up, since it is over and nobody took it: %s", lost.alert.text)
        # Written before anything is sent: whoever is killed in between tells no alert for ever.
        write_ledger(settings.locations, entries)
        deliveries = []
        for channel in channels:
            alerts = alert_ledger.pending(entries, channel.name)
            problem = channel.send(Digest(alerts, now, edition.name)) if alerts else None
            deliveries.append(Delivery(channel.name, channel.target, len(alerts), problem))
            if problem is None:
                entries = alert_ledger.told(entries, channel.name)
                write_ledger(settings.locations, entries)
            else:
                _log.warning("%s did not take %d alerts: %s", channel.name, len(alerts), problem)
    new = [entry.alert for entry in entries if entry.raised_at == now]
    return Sent(edition.name, entries, new, deliveries)


def look(
    settings: Settings, channels: Sequence[Channel], now: datetime
) -> tuple[Edition, alert_ledger.Update]:
    """The current edition, and the ledger as it would stand with it. Nothing is told or written."""
    edition = find_edition(settings.locations.published, None)
    mix = float(settings.advice.input_per_output)
    found = find_alerts(facts_of(edition, settings, now), settings.alerts, mix, now)
    names = [channel.name for channel in channels]
    past = read_ledger(settings.locations)
    return edition, alert_ledger.update(past, found, names, now, settings.alerts.cooldown)


def facts_of(edition: Edition, settings: Settings, now: datetime) -> Facts:
    """What the rules judge, from the edition's files and the team's models.yaml."""
    import polars as pl

    rankings = pl.read_parquet(edition.table("task_rankings")).filter(
        pl.col("priority") == "none", pl.col("rank") <= settings.alerts.watched_ranks
    )
    live_hours = settings.pipeline.schedule.live_hours
    return Facts(
        payload=edition.ranking(),
        changes=_rows(edition, "market_changes"),
        conflicts=_rows(edition, "price_conflicts"),
        leaders=frozenset(rankings["canonical_model_key"]),
        sources=origins_now(
            edition.manifest()["sources"], settings.locations.states, now, live_hours
        ),
        use_cases=_use_cases(settings),
    )


def _rows(edition: Edition, table: str) -> list[dict[str, Any]]:
    import polars as pl

    return pl.read_parquet(edition.table(table)).to_dicts()


def _use_cases(settings: Settings) -> Mapping[str, ModelInUse]:
    """By name; none where the team's file is wrong, which the commands that need it say."""
    try:
        team = load_team_settings(settings.locations).models
    except SettingsError as error:
        _log.warning("no use case is watched: %s", error)
        return {}
    models = {name: team.model_id(case.model) for name, case in team.by_use_case.items()}
    return {
        name: ModelInUse(settings.advice.task_type(name), model)
        for name, model in models.items()
        if model is not None
    }
