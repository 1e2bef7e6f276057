"""The evidence store as Dagster sees it: `models_catalog`, `model_pricing`, `model_benchmarks` and
`model_recommendations`.

What belongs here: entering what the warehouse and the team's files tell, and proposing what follows
from it. What does not: decisions, which people make.
"""

from collections import Counter
from collections.abc import Callable
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
from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice import VERDICTS, Advice
from llmrec_pipeline.domain.catalogue import Catalogue, catalogue
from llmrec_pipeline.domain.decisions import STATUSES
from llmrec_pipeline.orchestration import checks, vocabulary
from llmrec_pipeline.orchestration.checks import EVERY_USE_CASE_ANSWERED, warning
from llmrec_pipeline.orchestration.evidence_access import not_to_be_retried, opened_for_run
from llmrec_pipeline.orchestration.metadata import markdown, stored_schema
from llmrec_pipeline.orchestration.resources import WarehouseResource
from llmrec_pipeline.orchestration.vocabulary import GROUP_EVIDENCE, OWNER, WAREHOUSE_POOL
from llmrec_pipeline.serving.advice_report import as_markdown, reported
from llmrec_pipeline.serving.upgrade_advice import AdviceQuestion, Unanswered, propose_each
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store.ingesting import (
    Counts,
    ingest_benchmarks,
    ingest_models,
    ingest_prices,
    read_market,
)
from llmrec_pipeline.storage.evidence_store.models import (
    CatalogModel,
    ModelBenchmark,
    ModelPricing,
    ModelRecommendation,
)
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.team_settings import load_team_settings

_Enter = Callable[[Session, Catalogue], Counts]
# The UI cuts a wide table off.
_ANSWER_COLUMNS = ("use_case", "current_model", "answer")


def evidence_assets(settings: Settings, clock: Clock) -> list[AssetsDefinition]:
    """The tables that the pipeline fills."""

    @asset(
        key=vocabulary.MODELS_CATALOG,
        deps=[vocabulary.MODELS_LATEST],
        group_name=GROUP_EVIDENCE,
        owners=[OWNER],
        kinds={"table"},
        metadata=stored_schema(CatalogModel.__table__),
        pool=WAREHOUSE_POOL,
        description=(
            "Every model that a source knows or config/models.yaml names, by its key, in the "
            "evidence store. Entered again, it is the same."
        ),
    )
    def models_catalog(
        context: AssetExecutionContext, warehouse: WarehouseResource
    ) -> MaterializeResult[Any]:
        told = _told(warehouse, settings)
        for line in told.warnings:
            context.log.warning(line)
        result = _entered(settings, told, lambda s, c: ingest_models(s, c.models, clock()))
        return MaterializeResult(
            asset_key=vocabulary.MODELS_CATALOG,
            metadata={**result, "warnings": "\n".join(told.warnings) or "none"},
        )

    @asset(
        key=vocabulary.MODEL_PRICING,
        deps=[vocabulary.MODELS_CATALOG],
        group_name=GROUP_EVIDENCE,
        owners=[OWNER],
        kinds={"table"},
        metadata=stored_schema(ModelPricing.__table__),
        pool=WAREHOUSE_POOL,
        description=(
            "What each model costs at its creator's host, per 1,000 tokens: a row for every change "
            "of a price, by source."
        ),
    )
    def model_pricing(warehouse: WarehouseResource) -> MaterializeResult[Any]:
        told = _told(warehouse, settings)
        result = _entered(settings, told, lambda s, c: ingest_prices(s, c.prices))
        return MaterializeResult(asset_key=vocabulary.MODEL_PRICING, metadata=result)

    @asset(
        key=vocabulary.MODEL_BENCHMARKS,
        deps=[vocabulary.MODELS_CATALOG],
        group_name=GROUP_EVIDENCE,
        owners=[OWNER],
        kinds={"table"},
        metadata=stored_schema(ModelBenchmark.__table__),
        pool=WAREHOUSE_POOL,
        description="What each model scored, by benchmark, version and publisher.",
    )
    def model_benchmarks(warehouse: WarehouseResource) -> MaterializeResult[Any]:
        told = _told(warehouse, settings)
        result = _entered(settings, told, lambda s, c: ingest_benchmarks(s, c.benchmarks))
        return MaterializeResult(asset_key=vocabulary.MODEL_BENCHMARKS, metadata=result)

    @asset(
        key=vocabulary.MODEL_RECOMMENDATIONS,
        deps=[
            vocabulary.MODEL_PRICING,
            vocabulary.MODEL_BENCHMARKS,
            vocabulary.MODEL_SENTIMENT_SIGNALS,
            vocabulary.MODEL_RUNTIME_STATS,
            vocabulary.EDITION,
        ],
        group_name=GROUP_EVIDENCE,
        owners=[OWNER],
        kinds={"table"},
        metadata=stored_schema(ModelRecommendation.__table__),
        pool=WAREHOUSE_POOL,
        check_specs=[
            AssetCheckSpec(
                EVERY_USE_CASE_ANSWERED,
                asset=vocabulary.MODEL_RECOMMENDATIONS,
                description="Advice could be computed for every use case of config/models.yaml.",
            )
        ],
        description=(
            "Upgrade advice for every use case of config/models.yaml, as `llmrec intel recommend "
            "--persist` gives it. The same advice for the same reasons is proposed once; a person "
            "decides on it."
        ),
    )
    def model_recommendations(
        context: AssetExecutionContext,
    ) -> checks.Results:
        now = clock()
        with not_to_be_retried(), opened_for_run(settings) as store, store.writing() as session:
            team = load_team_settings(settings.locations).models
            questions = [*map(AdviceQuestion, team.by_use_case)]
            told = list(propose_each(session, questions, team, settings, now))
            rows = reported(session, settings, latest=True)
        advice = [one for one in told if isinstance(one, Advice)]
        unanswered = [
            f"{one.use_case}: {one.reason}" for one in told if isinstance(one, Unanswered)
        ]
        for line in unanswered:
            context.log.error(line)
        by_answer = Counter(one.verdict for one in advice)
        by_status = Counter(row["status"] for row in rows)
        yield MaterializeResult(
            asset_key=vocabulary.MODEL_RECOMMENDATIONS,
            metadata={
                "dagster/row_count": len(rows),
                **{f"answer/{verdict}": by_answer[verdict] for verdict in VERDICTS},
                **{f"status/{status}": by_status[status] for status in STATUSES},
                "answers": markdown([_answer(one) for one in advice], _ANSWER_COLUMNS),
                "report": MetadataValue.md(as_markdown(rows)),
                "database": store.address.shown,
            },
        )
        yield warning(vocabulary.MODEL_RECOMMENDATIONS, EVERY_USE_CASE_ANSWERED, unanswered)

    return [models_catalog, model_pricing, model_benchmarks, model_recommendations]


def _answer(advice: Advice) -> dict[str, str]:
    return {
        "use_case": advice.use_case,
        "current_model": advice.current.model_id,
        "answer": advice.reason,
    }


def _told(warehouse: WarehouseResource, settings: Settings) -> Catalogue:
    """What the warehouse and the team's files tell now."""
    with warehouse.get_connection(read_only=True) as con:
        # As an edition calls what serves.
        con.execute("CREATE TEMP VIEW benchmark_results AS SELECT * FROM serving_benchmarks")
        market = read_market(con)
    with not_to_be_retried():
        team = load_team_settings(settings.locations)
    return catalogue(
        market,
        team.models,
        team.pricing,
        settings.consensus.benchmarks,
        tuple(settings.tasks["task_types"]),
    )


def _entered(settings: Settings, told: Catalogue, enter: _Enter) -> dict[str, Any]:
    """Enter a part of it in one transaction; the counts and the database, as metadata."""
    with not_to_be_retried(), opened_for_run(settings) as store, store.writing() as session:
        counts = enter(session, told)
    return {"dagster/row_count": counts.told, **asdict(counts), "database": store.address.shown}
