"""`model_sentiment_signals`: what people write of models, as Dagster sees it.

What belongs here: counting what is in the store, and the search that config/sentiment.yaml may
switch on. What does not: entries and files, which people give by command.
"""

from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition, MaterializeResult, asset

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.orchestration import vocabulary
from llmrec_pipeline.orchestration.evidence_access import not_to_be_retried, opened_for_run
from llmrec_pipeline.orchestration.metadata import stored_schema
from llmrec_pipeline.orchestration.vocabulary import GROUP_EVIDENCE, OWNER
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store.models import ModelSentimentSignal
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.sentiment import sentiment_counts
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.listening import Listener
from llmrec_pipeline.storage.sentiment_search import SearchFailed


def sentiment_asset(settings: Settings, clock: Clock) -> AssetsDefinition:
    """The table of what people write."""

    @asset(
        key=vocabulary.MODEL_SENTIMENT_SIGNALS,
        deps=[vocabulary.MODELS_CATALOG],
        group_name=GROUP_EVIDENCE,
        owners=[OWNER],
        kinds={"table"},
        metadata=stored_schema(ModelSentimentSignal.__table__),
        description=(
            "What people write of models, with how it sounds. Searches only where "
            "config/sentiment.yaml says so; entries and files come by `llmrec intel "
            "ingest-sentiment`."
        ),
    )
    def model_sentiment_signals(context: AssetExecutionContext) -> MaterializeResult[Any]:
        with not_to_be_retried(), opened_for_run(settings) as store:
            searched = _searched(context, Listener(settings, clock), store)
            with store.reading() as session:
                counts = sentiment_counts(session)
        rows = sum(count for name, count in counts.items() if name != "in_review")
        return MaterializeResult(
            asset_key=vocabulary.MODEL_SENTIMENT_SIGNALS,
            metadata={
                "dagster/row_count": rows,
                **counts,
                **searched,
                "database": store.address.shown,
            },
        )

    return model_sentiment_signals


def _searched(
    context: AssetExecutionContext, listener: Listener, store: EvidenceStore
) -> dict[str, int]:
    """Search for the team's models, where that is switched on. One that fails fails alone."""
    scheduled = listener.config.scheduled
    counts = {"searched": 0, "search_failed": 0, "new": 0, "new_in_review": 0}
    for model_id in sorted(listener.team.model_ids) if scheduled.enabled else ():
        try:
            found = listener.search(store, scheduled.source, model_id, scheduled.limit)
            with store.writing() as session:
                entered = listener.enter(session, found.entries, only=model_id)
        except RequestError as error:  # names the model that is not in the catalogue
            context.log.warning(str(error))
            counts["search_failed"] += 1
            continue
        except SearchFailed as error:
            context.log.warning(f"{model_id}: {error}")
            counts["search_failed"] += 1
            continue
        counts["searched"] += 1
        counts["new"] += entered.signals.new
        counts["new_in_review"] += entered.reviews.new
    return counts
