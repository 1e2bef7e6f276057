"""The warehouse: `bronze_models`, `silver_models`, `models_history`, `models_latest`."""

from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    asset,
)

from llmrec_pipeline.domain.records import (
    BRONZE_MODELS,
    MODELS_HISTORY,
    MODELS_LATEST,
    SILVER_MODELS,
)
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.orchestration import checks, vocabulary
from llmrec_pipeline.orchestration.lineage import bronze_lineage, column_lineage
from llmrec_pipeline.orchestration.metadata import column_schema, counts_by_origin, markdown
from llmrec_pipeline.orchestration.plots import Point, bar, quality_by_price
from llmrec_pipeline.orchestration.resources import WarehouseResource
from llmrec_pipeline.orchestration.vocabulary import GROUP_WAREHOUSE, OWNER, WAREHOUSE_POOL
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.refreshing import derive_silver, load_bronze
from llmrec_pipeline.storage.warehouse import first_row, sql_text


def table_assets(settings: Settings, lake: Lake, clock: Clock) -> list[AssetsDefinition]:
    """The four warehouse assets."""

    @asset(
        key=vocabulary.BRONZE_MODELS,
        deps=[vocabulary.bronze_key(source) for source in settings.sources],
        description=(
            "All bronze rows in one table, appended as they land, and `pulls`: which of them are "
            "believed. Loading the same file twice changes nothing; a late pull is judged again "
            "from its moment on."
        ),
        metadata=column_schema(BRONZE_MODELS),
        check_specs=[
            AssetCheckSpec(
                checks.PULLS_BELIEVED,
                asset=vocabulary.BRONZE_MODELS,
                description="A quarantined pull stays in bronze; the accepted one before it serves.",
            ),
            AssetCheckSpec(
                checks.SCALES_KEPT,
                asset=vocabulary.BRONZE_MODELS,
                description=(
                    "Values from before and after a rebase are of two index versions and are "
                    "never compared; within a partial one, values of two scales stand side by side."
                ),
            ),
        ],
        group_name=GROUP_WAREHOUSE,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
    )
    def bronze_models(
        context: AssetExecutionContext, warehouse: WarehouseResource
    ) -> checks.Results:
        with warehouse.get_connection() as con:
            loaded = load_bronze(con, settings, lake)
            doubted = checks.doubted_pulls(con)
            rebased = checks.rebased_sources(con)
            recent = con.sql(
                "SELECT source, strftime(snapshot_ts, '%Y-%m-%d %H:%M') AS observed_at, status, "
                "reason, rows, rows_previous, index_version "
                "FROM pulls ORDER BY snapshot_ts DESC, source LIMIT 12"
            ).pl()
            rows = checks.count_rows(con, "SELECT count(*) FROM bronze_models")
        for problem in doubted:
            context.log.warning("quarantined: %s", problem)
        for problem in rebased:
            context.log.warning("rebased: %s", problem)
        yield MaterializeResult(
            asset_key=vocabulary.BRONZE_MODELS,
            metadata={
                "dagster/row_count": rows,
                "pulls_loaded": loaded.pulls,
                "rows_loaded": loaded.rows,
                "sources_quarantined": len(doubted),
                "sources_rebased": len(rebased),
                "recent_pulls": markdown(recent.to_dicts(), recent.columns),
                **bronze_lineage(settings.sources),
            },
        )
        yield checks.warning(vocabulary.BRONZE_MODELS, checks.PULLS_BELIEVED, doubted)
        yield checks.warning(vocabulary.BRONZE_MODELS, checks.SCALES_KEPT, rebased)

    @asset(
        key=vocabulary.SILVER_MODELS,
        deps=[vocabulary.BRONZE_MODELS],
        description=(
            "What each source says now, cleaned and with keys: its newest accepted pull while "
            "that is fresh enough, else its bundled facts. Names that no rule can join wait in "
            "`model_identity_review`."
        ),
        metadata=column_schema(SILVER_MODELS),
        check_specs=[
            *checks.table_check_specs(SILVER_MODELS, vocabulary.SILVER_MODELS),
            AssetCheckSpec(
                checks.OBSERVATION_FRESH,
                asset=vocabulary.SILVER_MODELS,
                description="Age counts from observation, so bundled facts never look fresh.",
            ),
            AssetCheckSpec(
                checks.NO_FALLBACK,
                asset=vocabulary.SILVER_MODELS,
                description="Bundled facts stand in for a source without a pull that may serve.",
            ),
            AssetCheckSpec(
                checks.NAMES_KNOWN,
                asset=vocabulary.SILVER_MODELS,
                description="At least nine of ten names of each source mean a known model.",
            ),
        ],
        group_name=GROUP_WAREHOUSE,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
    )
    def silver_models(
        context: AssetExecutionContext, warehouse: WarehouseResource
    ) -> checks.Results:
        now = clock()
        fixture = Fixture(settings.locations.fixture, settings)
        with warehouse.get_connection() as con:
            serving = derive_silver(con, settings, now, fixture)
            results = list(checks.check_table(con, SILVER_MODELS, vocabulary.SILVER_MODELS))
            unknown = checks.unknown_names(con)
            rows = checks.count_rows(con, "SELECT count(*) FROM silver_models")
            review = checks.count_rows(
                con, "SELECT count(*) FROM model_identity_review WHERE used_id IS NULL"
            )
        most = max((entry.rows or 0 for entry in serving), default=0)
        origins = [
            {
                "source": entry.source,
                "origin": entry.origin,
                "seen": f"{entry.verified_at:%m-%d %H:%M}" if entry.verified_at else None,
                "rows": f"{entry.rows or 0} {bar(entry.rows or 0, most)}",
            }
            for entry in serving
        ]
        yield MaterializeResult(
            asset_key=vocabulary.SILVER_MODELS,
            metadata={
                "dagster/row_count": rows,
                "origins": markdown(origins, ("source", "origin", "seen", "rows")),
                "names_to_review": review,
                **counts_by_origin(entry.origin for entry in serving),
                **column_lineage(SILVER_MODELS),
            },
        )
        yield from results
        stale = checks.stale_sources(serving, settings, now)
        replaced = checks.replaced_sources(serving)
        for problem in (*stale, *replaced):
            context.log.warning(problem)
        yield checks.warning(vocabulary.SILVER_MODELS, checks.OBSERVATION_FRESH, stale)
        yield checks.warning(vocabulary.SILVER_MODELS, checks.NO_FALLBACK, replaced)
        yield checks.warning(vocabulary.SILVER_MODELS, checks.NAMES_KNOWN, unknown)

    @asset(
        key=vocabulary.MODELS_HISTORY,
        deps=[vocabulary.SILVER_MODELS],
        description=(
            "Every row of every accepted pull, as the world looked then, under today's keys. "
            "A view: better identity rules re-read the same history."
        ),
        metadata=column_schema(MODELS_HISTORY),
        group_name=GROUP_WAREHOUSE,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
    )
    def models_history(warehouse: WarehouseResource) -> checks.Results:
        with warehouse.get_connection(read_only=True) as con:
            span = first_row(
                con,
                "SELECT count(*) AS pulls, sum(rows) AS rows, min(snapshot_ts) AS first, "
                "max(snapshot_ts) AS last FROM pulls WHERE status = 'accepted'",
            )
        pulls, rows, first, last = span or (0, 0, None, None)
        yield MaterializeResult(
            asset_key=vocabulary.MODELS_HISTORY,
            metadata={
                "dagster/row_count": int(rows or 0),
                "accepted_pulls": int(pulls),
                "from": iso(first) if first else "no accepted pull yet",
                "to": iso(last) if last else "no accepted pull yet",
                **column_lineage(MODELS_HISTORY),
            },
        )

    @asset(
        key=vocabulary.MODELS_LATEST,
        deps=[vocabulary.SILVER_MODELS],
        description=(
            "One row a model, merged field by field with the source of each value. Price, context "
            "and limits belong to the creator's own host and hold for every variant. A model that "
            "no source lists any more stays visible and is never ranked."
        ),
        metadata=column_schema(MODELS_LATEST),
        check_specs=checks.table_check_specs(MODELS_LATEST, vocabulary.MODELS_LATEST),
        group_name=GROUP_WAREHOUSE,
        owners=[OWNER],
        kinds={"duckdb", "table"},
        pool=WAREHOUSE_POOL,
    )
    def models_latest(warehouse: WarehouseResource) -> checks.Results:
        with warehouse.get_connection(read_only=True) as con:
            results = list(checks.check_table(con, MODELS_LATEST, vocabulary.MODELS_LATEST))
            rows = checks.count_rows(con, "SELECT count(*) FROM models_latest")
            listed = checks.count_rows(con, "SELECT count(*) FROM models_latest WHERE listed")
            priced = checks.count_rows(
                con, "SELECT count(*) FROM models_latest WHERE price_input_per_1m IS NOT NULL"
            )
            conflicts = checks.count_rows(con, "SELECT count(*) FROM price_conflicts")
            best = con.sql(sql_text("best_measured")).pl()
            widest = con.sql(sql_text("widest_price_conflicts")).pl()
        yield MaterializeResult(
            asset_key=vocabulary.MODELS_LATEST,
            metadata={
                "dagster/row_count": rows,
                "quality_by_price": quality_by_price(
                    [Point(*pair) for pair in best.select("usd_per_1m", "quality").iter_rows()],
                    f"quality_index of {best['source'][0]}" if best.height else "quality_index",
                ),
                "best": markdown(best.head(5).to_dicts(), ("model", "quality", "usd_per_1m")),
                "widest_price_conflicts": markdown(widest.to_dicts(), widest.columns),
                "listed": listed,
                "priced": priced,
                "measured": best.height,
                "price_conflicts": conflicts,
                **column_lineage(MODELS_LATEST),
            },
        )
        yield from results

    return [bronze_models, silver_models, models_history, models_latest]
