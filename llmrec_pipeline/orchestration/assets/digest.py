"""`market_digest`: what deserves attention in the edition, told once by every channel.

What belongs here: when it is told, and Dagster as one more channel. What does not: the rules
(`domain.alerts`) and the other channels (`serving.alert_channels`).
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
)

from llmrec_pipeline.domain.alerts import KINDS
from llmrec_pipeline.orchestration import checks, vocabulary
from llmrec_pipeline.orchestration.metadata import markdown
from llmrec_pipeline.orchestration.vocabulary import GROUP_PUBLISHED, OWNER
from llmrec_pipeline.serving.alert_channels import Digest, channels_of
from llmrec_pipeline.serving.market_digest import send_digest
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.landing import Clock

_ABOUT = {
    "top_pick": vocabulary.TASK_RANKINGS,
    "price_drop": vocabulary.MODELS_LATEST,
    "deprecated": vocabulary.MODELS_LATEST,
    "price_conflict": vocabulary.MODELS_LATEST,
    "dominated": vocabulary.EDITION,
}


class Observations:
    """Dagster as a channel: an observation of the asset that an alert is about."""

    name = "dagster"
    target = "observations of the assets"

    def __init__(self, context: AssetExecutionContext) -> None:
        self._context = context

    def send(self, digest: Digest) -> None:
        """Always taken: it is noted in the run that sends it."""
        for alert in digest.alerts:
            self._context.log_event(
                AssetObservation(
                    asset_key=_asset_of(alert.kind, alert.subject),
                    description=alert.text,
                    metadata={
                        "alert": alert.kind,
                        "subject": alert.subject,
                        "change": alert.change,
                        "edition": digest.edition,
                    },
                )
            )


def _asset_of(kind: str, subject: str) -> AssetKey:
    return _ABOUT.get(kind) or vocabulary.bronze_key(subject)


def digest_asset(settings: Settings, clock: Clock) -> AssetsDefinition:
    """The asset that tells; a channel that fails is a warning."""

    @asset(
        key=vocabulary.MARKET_DIGEST,
        deps=[vocabulary.EDITION],
        group_name=GROUP_PUBLISHED,
        owners=[OWNER],
        kinds={"python", "file"},
        description=(
            "What deserves attention in the edition by the rules of config/alerts.yaml: new first "
            "models, price drops, retirements, use cases that another model serves better, sources "
            "that are stale or not believed, prices in conflict. Each is told once on each "
            "channel; `llmrec alerts list` says what was."
        ),
        check_specs=[
            AssetCheckSpec(
                checks.ALERTS_DELIVERED,
                asset=vocabulary.MARKET_DIGEST,
                description="What a channel did not take is sent again at the next refresh.",
            )
        ],
    )
    def market_digest(
        context: AssetExecutionContext,
    ) -> checks.Results:
        channels = [Observations(context), *channels_of(settings)]
        try:
            sent = send_digest(settings, channels, clock())
        except OSError as error:
            # The edition stands, whoever could not be told of it.
            yield MaterializeResult(asset_key=vocabulary.MARKET_DIGEST)
            yield checks.warning(vocabulary.MARKET_DIGEST, checks.ALERTS_DELIVERED, [str(error)])
            return
        standing = [entry for entry in sent.entries if entry.stands]
        by_kind = Counter(entry.alert.kind for entry in standing)
        rows = [entry.alert._asdict() for entry in standing]
        told = [asdict(delivery) for delivery in sent.deliveries]
        metadata: dict[str, Any] = {
            "dagster/row_count": len(standing),
            "alerts": markdown(rows, ("kind", "text")),
            "channels": markdown(told, ("channel", "target", "alerts", "problem")),
            "new_alerts": len(sent.new),
            **{f"standing/{kind}": by_kind[kind] for kind in KINDS},
            "edition": sent.edition,
            "ledger": MetadataValue.path(settings.locations.states / "alerts" / "ledger.json"),
        }
        yield MaterializeResult(asset_key=vocabulary.MARKET_DIGEST, metadata=metadata)
        problems = [f"{o.channel}: {o.problem}" for o in sent.deliveries if o.problem]
        yield checks.warning(vocabulary.MARKET_DIGEST, checks.ALERTS_DELIVERED, problems)

    return market_digest
