"""What people act on: `task_rankings`, `category_rankings`, `market_changes`, `edition`, which carries
what people wrote besides, and `recommendation_report`."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
)

from llmrec_pipeline.domain.market import KINDS
from llmrec_pipeline.domain.records import CATEGORY_RANKINGS, MARKET_CHANGES, ORIGINS, TASK_RANKINGS
from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.orchestration import checks, freshness, vocabulary
from llmrec_pipeline.orchestration.lineage import column_lineage
from llmrec_pipeline.orchestration.metadata import column_schema, counts_by_origin, markdown
from llmrec_pipeline.orchestration.resources import WarehouseResource
from llmrec_pipeline.orchestration.vocabulary import (
    GROUP_PUBLISHED,
    GROUP_RANKING,
    OWNER,
    WAREHOUSE_POOL,
)
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.category_ranking import rank_all_categories
from llmrec_pipeline.storage.changes import note_changes
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStoreError
from llmrec_pipeline.storage.evidence_store.written_rows import export_written
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.refreshing import publish_edition, rank_tasks
from llmrec_pipeline.storage.written import exported_watermarks

_TOP = ("task_type", "rank", "model_name", "provider", "score", "basis_source", "basis_column")


# Of a hash, where only people read it.
_SHOWN_DIGITS = 12


def _origins_tag(sources: Mapping[str, Mapping[str, Any]]) -> str:
    """`live: artificial_analysis, epoch; none: llm_stats`, of the sources that are switched on."""
    by_origin = {
        origin: [
            name
            for name, entry in sorted(sources.items())
            if entry["enabled"] and entry["origin"] == origin
        ]
        for origin in ORIGINS
    }
    return "; ".join(
        f"{origin}: {', '.join(names)}" for origin, names in by_origin.items() if names
    )


def result_assets(settings: Settings, clock: Clock) -> list[AssetsDefinition]:
    """Rankings and the edition that readers read."""

    @asset(
        key=vocabulary.TASK_RANKINGS,
        deps=[vocabulary.MODELS_LATEST],
        group_name=GROUP_RANKING,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
        description=(
            "Every task type under every priority, ranked without constraints by the default "
            "scorer. Each ranking rests on the consensus of all measures, or on one measure of one "
            "publisher at one index version."
        ),
        metadata=column_schema(TASK_RANKINGS),
        check_specs=[
            *checks.table_check_specs(TASK_RANKINGS, vocabulary.TASK_RANKINGS),
            AssetCheckSpec(
                checks.MEASURES_UNMIXED,
                asset=vocabulary.TASK_RANKINGS,
                blocking=True,
                description="Values of different measures are never compared.",
            ),
        ],
    )
    def task_rankings(
        warehouse: WarehouseResource,
    ) -> checks.Results:
        with warehouse.get_connection() as con:
            frame = rank_tasks(con, settings)
            results = list(checks.check_table(con, TASK_RANKINGS, vocabulary.TASK_RANKINGS))
            mixed = checks.mixed_rankings(con)
        top = frame.filter((pl.col("priority") == "none") & (pl.col("rank") <= 3))
        yield MaterializeResult(
            asset_key=vocabulary.TASK_RANKINGS,
            metadata={
                "dagster/row_count": frame.height,
                "task_types": frame["task_type"].n_unique(),
                "models_ranked": frame["canonical_model_key"].n_unique(),
                **column_lineage(TASK_RANKINGS),
                "top_three": markdown(top.to_dicts(), _TOP),
            },
        )
        yield from results
        yield AssetCheckResult(
            asset_key=vocabulary.TASK_RANKINGS,
            check_name=checks.MEASURES_UNMIXED,
            passed=not mixed,
            description="; ".join(mixed) or None,
        )

    @asset(
        key=vocabulary.CATEGORY_RANKINGS,
        deps=[vocabulary.MODELS_LATEST],
        group_name=GROUP_RANKING,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
        description=(
            "Models by category on one frozen scale of 0 to 100: 0.7 Artificial Analysis + 0.3 "
            "LLM-Stats where both score a model, either alone, else LMArena. The one place where "
            "publishers are blended by formula; each row tells its parts."
        ),
        metadata=column_schema(CATEGORY_RANKINGS),
    )
    def category_rankings(warehouse: WarehouseResource) -> MaterializeResult[Any]:
        with warehouse.get_connection() as con:
            frame = rank_all_categories(con, settings)
        return MaterializeResult(
            asset_key=vocabulary.CATEGORY_RANKINGS,
            metadata={
                "dagster/row_count": frame.height,
                "top_three": markdown(
                    frame.filter(pl.col("rank") <= 3).to_dicts(),
                    ("category", "rank", "provider", "model_name", "score"),
                ),
                "models_ranked": frame["canonical_model_key"].n_unique(),
                **column_lineage(CATEGORY_RANKINGS),
            },
        )

    @asset(
        key=vocabulary.MARKET_CHANGES,
        deps=[vocabulary.TASK_RANKINGS],
        group_name=GROUP_RANKING,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
        description=(
            "What the newest pulls changed, beside the pulls before them: models new, gone and "
            "repriced, places, top picks. Across another basis, index version or set of sources "
            "nobody moves up or down: the break is told instead. Beside it, the same over 30 days."
        ),
        metadata=column_schema(MARKET_CHANGES),
    )
    def market_changes(warehouse: WarehouseResource) -> MaterializeResult[Any]:
        fixture = Fixture(settings.locations.fixture, settings)
        with warehouse.get_connection() as con:
            changes = note_changes(con, settings, fixture)
        counts = Counter(changes["change"])
        return MaterializeResult(
            asset_key=vocabulary.MARKET_CHANGES,
            metadata={
                "dagster/row_count": changes.height,
                **{f"change/{kind}": counts[kind] for kind in KINDS},
                "changes": markdown(changes.head(20).to_dicts(), changes.columns[:7]),
            },
        )

    @asset(
        key=vocabulary.WRITTEN,
        group_name=GROUP_PUBLISHED,
        owners=[OWNER],
        kinds={"parquet", "file"},
        description=(
            "What people wrote into the evidence store, decisions and scores of their own, exported "
            "up to a watermark; an edition reads it here only. A store that is away leaves the last "
            "export in force."
        ),
    )
    def written_by_people(context: AssetExecutionContext) -> MaterializeResult[Any]:
        try:
            watermarks = export_written(settings)
        except (SettingsError, EvidenceStoreError) as error:
            context.log.warning(f"the last export stays in force: {error}")
            watermarks = exported_watermarks(settings.locations.evidence)
        return MaterializeResult(
            asset_key=vocabulary.WRITTEN,
            metadata={f"last_id/{name}": mark.last_id for name, mark in watermarks.items()},
        )

    @asset(
        key=vocabulary.EDITION,
        deps=[
            vocabulary.WRITTEN,
            vocabulary.TASK_RANKINGS,
            vocabulary.CATEGORY_RANKINGS,
            vocabulary.MARKET_CHANGES,
            vocabulary.MODELS_HISTORY,
        ],
        group_name=GROUP_PUBLISHED,
        owners=[OWNER],
        kinds={"parquet", "file"},
        pool=WAREHOUSE_POOL,
        freshness_policy=freshness.published(settings.pipeline.schedule),
        description=(
            "One immutable set of results, switched in by a single rename. The command line and "
            "everything else that reads, reads editions only. Equal inputs publish nothing new."
        ),
    )
    def edition(
        context: AssetExecutionContext, warehouse: WarehouseResource
    ) -> MaterializeResult[Any]:
        fixture = Fixture(settings.locations.fixture, settings)
        with warehouse.get_connection() as con:
            published = publish_edition(con, settings, clock(), fixture)
        manifest = published.manifest
        context.log.info(
            "%s edition %s", "new" if published.is_new else "unchanged", published.edition.name
        )
        if context.instance.has_run(context.run.run_id):
            context.instance.add_run_tags(
                context.run.run_id,
                {
                    vocabulary.TAG_EDITION: published.edition.name,
                    vocabulary.TAG_ORIGINS: _origins_tag(manifest["sources"]),
                },
            )
        origins = [
            {**entry, "source": source, "observed_at": (entry["observed_at"] or "")[:16]}
            for source, entry in sorted(manifest["sources"].items())
        ]
        return MaterializeResult(
            asset_key=vocabulary.EDITION,
            metadata={
                "edition": published.edition.name,
                "new": published.is_new,
                "snapshot_ts": manifest["snapshot_ts"] or "nothing serves",
                "content_digest": manifest["content_digest"][:_SHOWN_DIGITS],
                "inputs_hash": manifest["inputs_hash"][:_SHOWN_DIGITS],
                "models": manifest["tables"]["models_latest"]["rows"],
                "names_to_review": manifest["tables"]["model_identity_review"]["rows"],
                "folder": MetadataValue.path(published.edition.folder),
                "report": MetadataValue.asset(vocabulary.RECOMMENDATION_REPORT),
                "origins": markdown(
                    origins, ("source", "origin", "observed_at", "rows", "index_version", "doubt")
                ),
                **counts_by_origin(entry["origin"] for entry in origins),
            },
        )

    @asset(
        key=vocabulary.RECOMMENDATION_REPORT,
        deps=[vocabulary.EDITION],
        group_name=GROUP_PUBLISHED,
        owners=[OWNER],
        kinds={"html", "file"},
        description=(
            "The edition as one HTML page and as Markdown: which model for which job, under which "
            "cap, how sure, since when and from which source. Made of the edition alone, so equal "
            "editions have equal content digests."
        ),
    )
    def recommendation_report() -> MaterializeResult[Any]:
        # Only a report pays for its template engine.
        from llmrec_pipeline.serving.report.building import build_content
        from llmrec_pipeline.serving.report.files import make_current, write_report
        from llmrec_pipeline.serving.report.markdown import headline

        content = build_content(find_edition(settings.locations.published, None))
        built = write_report(content, settings.locations)
        make_current(built, settings.locations)
        return MaterializeResult(
            asset_key=vocabulary.RECOMMENDATION_REPORT,
            metadata={
                "edition": built.edition,
                "content_digest": built.content_digest[:_SHOWN_DIGITS],
                "page_bytes": built.page_bytes,
                # No browser follows a link from the UI to a file; a path is there to be copied.
                "page": MetadataValue.path(built.page),
                "markdown": MetadataValue.path(built.markdown),
                "headline": MetadataValue.md(headline(content)),
            },
        )

    return [
        task_rankings,
        category_rankings,
        market_changes,
        written_by_people,
        edition,
        recommendation_report,
    ]
