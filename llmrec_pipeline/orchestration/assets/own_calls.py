"""Our own calls as Dagster sees them: `model_runtime_stats`.

What belongs here: figures of usage events, entered into the evidence store. What does not: importing
events, which people and their logs decide on.
"""

from dataclasses import asdict
from typing import Any

from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
)

from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.domain.usage_prices import Window, window_until
from llmrec_pipeline.orchestration import checks, vocabulary
from llmrec_pipeline.orchestration.checks import TELEMETRY_RECENT, missing_telemetry, warning
from llmrec_pipeline.orchestration.evidence_access import not_to_be_retried, opened_for_run
from llmrec_pipeline.orchestration.metadata import stored_schema
from llmrec_pipeline.orchestration.resources import WarehouseResource
from llmrec_pipeline.orchestration.vocabulary import GROUP_EVIDENCE, OWNER, WAREHOUSE_POOL
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store.models import ModelRuntimeStats
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.measuring import Measured, measure
from llmrec_pipeline.team_settings import load_team_settings


def own_call_assets(settings: Settings, clock: Clock) -> list[AssetsDefinition]:
    """Figures of our own calls."""

    @asset(
        key=vocabulary.MODEL_RUNTIME_STATS,
        deps=[vocabulary.MODEL_PRICING],
        group_name=GROUP_EVIDENCE,
        owners=[OWNER],
        kinds={"table"},
        metadata=stored_schema(ModelRuntimeStats.__table__),
        pool=WAREHOUSE_POOL,
        check_specs=[
            AssetCheckSpec(
                TELEMETRY_RECENT,
                asset=vocabulary.MODEL_RUNTIME_STATS,
                description="There are calls of our own, and some of late.",
            )
        ],
        description=(
            "What our own calls of the last whole days tell, by host, model and role: success, "
            "latency, tokens, and cost by the price in force when they were made. Computed where "
            "the usage events are."
        ),
    )
    def model_runtime_stats(
        context: AssetExecutionContext, warehouse: WarehouseResource
    ) -> checks.Results:
        now = clock()
        with not_to_be_retried():
            measured = _measured(
                settings, warehouse, window_until(now, settings.telemetry.window_days)
            )
        for name in measured.computed.unknown:
            context.log.warning(
                f"{name.model_name!r} of {name.provider_name or 'no host'} is no known model "
                f"({name.calls} calls): {name.reason}; name it in config/models.yaml"
            )
        yield MaterializeResult(
            asset_key=vocabulary.MODEL_RUNTIME_STATS, metadata=_metadata(measured)
        )
        yield warning(
            vocabulary.MODEL_RUNTIME_STATS,
            TELEMETRY_RECENT,
            missing_telemetry(measured.computed.newest, now, settings.telemetry.recent_days),
        )

    return [model_runtime_stats]


def _measured(settings: Settings, warehouse: WarehouseResource, window: Window) -> Measured:
    team = load_team_settings(settings.locations).models
    with opened_for_run(settings) as store:
        return measure(
            settings, team, store, lambda: warehouse.get_connection(read_only=True), window
        )


def _metadata(measured: Measured) -> dict[str, Any]:
    computed = measured.computed
    return {
        "dagster/row_count": len(computed.stats),
        **asdict(measured.counts),
        "window_start": iso(computed.window.start),
        "window_end": iso(computed.window.end),
        "calls": computed.calls,
        "engine": computed.engine,
        "quantiles": computed.quantiles,
        "unpriced_calls": sum(row.unpriced_calls for row in computed.stats),
        "unknown_models": MetadataValue.json([asdict(name) for name in computed.unknown]),
    }
