"""`raw/<source>` and `bronze/<source>`, from one factory. Nothing here opens DuckDB."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
)

from llmrec_pipeline.domain.records import MODELS_SNAPSHOT
from llmrec_pipeline.domain.timestamps import iso, stamp
from llmrec_pipeline.orchestration import checks, freshness
from llmrec_pipeline.orchestration.metadata import column_schema, markdown_table
from llmrec_pipeline.orchestration.pull_pool import PullPool
from llmrec_pipeline.orchestration.vocabulary import (
    GROUP_BRONZE,
    GROUP_RAW,
    OWNER,
    bronze_key,
    raw_key,
)
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock, LandOutcome, land_pending

_PREVIEW = (
    "model_name",
    "host",
    "quality_index",
    "coding_index",
    "price_input_per_1m",
    "output_tokens_per_s",
    "context_window",
)


def pull_assets(settings: Settings, lake: Lake, clock: Clock) -> list[AssetsDefinition]:
    """Both assets of every configured source."""
    pool = PullPool(settings, lake, clock)
    assets = []
    for source in settings.sources:
        assets += [
            _raw_asset(source, settings, pool),
            _bronze_asset(source, settings, lake, clock),
        ]
    return assets


def _sources_of_run(context: AssetExecutionContext, source: str) -> list[str]:
    """The sources whose pulls may share this process: all of the run's, unless each step has a
    process of its own."""
    executor = context.job_def.executor_def.name
    if "in_process" not in executor:
        return [source]
    keys = context.job_def.asset_layer.executable_asset_keys
    return [key.path[1] for key in keys if key.path[0] == "raw" and len(key.path) == 2]


def _raw_asset(source: str, settings: Settings, pool: PullPool) -> AssetsDefinition:
    config = settings.sources[source]
    key = raw_key(source)

    @asset(
        key=key,
        group_name=GROUP_RAW,
        owners=[OWNER],
        kinds={"http", "file"},
        output_required=False,
        freshness_policy=freshness.pulled(settings.pipeline.schedule),
        description=(
            f"Pages of {config.title} as received, one folder a pull. "
            f"{config.attribution}. Licence: {config.licence}."
        ),
        metadata={
            "publisher": MetadataValue.url(config.base_url + config.path),
            "licence": config.licence,
            "attribution": config.attribution,
        },
        check_specs=[
            AssetCheckSpec(
                checks.PULL_SUCCEEDED,
                asset=key,
                description="A failed pull is no failed run: the last accepted pull serves on.",
            )
        ],
    )
    def raw(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        outcome = pool.outcome(context.run_id, source, _sources_of_run(context, source))
        problems = []
        if outcome.status == "pulled" and outcome.observed_at is not None:
            yield MaterializeResult(
                asset_key=key,
                metadata={
                    "observed_at": iso(outcome.observed_at),
                    "pages": outcome.pages,
                    "bytes": outcome.size,
                    "requests": outcome.requests,
                    "folder": stamp(outcome.observed_at),
                },
            )
        else:
            context.log.warning("%s: %s: %s", source, outcome.status, outcome.reason)
            problems.append(str(outcome.reason))
        yield checks.warning(key, checks.PULL_SUCCEEDED, problems)

    return raw


def _bronze_asset(source: str, settings: Settings, lake: Lake, clock: Clock) -> AssetsDefinition:
    config = settings.sources[source]
    key = bronze_key(source)

    @asset(
        key=key,
        deps=[raw_key(source)],
        group_name=GROUP_BRONZE,
        owners=[OWNER],
        kinds={"polars", "parquet"},
        output_required=False,
        description=(
            f"Rows of {config.title} in canonical columns, append-only: one Parquet file for each "
            "valid pull with changed content, one record for every valid pull. No identity applied."
        ),
        metadata=column_schema(MODELS_SNAPSHOT),
        check_specs=[
            AssetCheckSpec(
                checks.STRUCTURE_KNOWN,
                asset=key,
                description="A page of another structure stays raw; nothing of it is used.",
            ),
            AssetCheckSpec(
                checks.VALUES_GOOD,
                asset=key,
                description="A value that cannot be one became NULL; the rest of the row is used.",
            ),
        ],
    )
    def bronze(
        context: AssetExecutionContext,
    ) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        landed = land_pending(source, settings, lake, clock)
        invalid = [outcome for outcome in landed if outcome.status == "invalid"]
        valid = [outcome for outcome in landed if outcome.status != "invalid"]
        for outcome in invalid:
            context.log.warning("%s: invalid: %s", source, outcome.reason)
        if valid:
            yield MaterializeResult(asset_key=key, metadata=_metadata(source, valid, lake))
        yield checks.warning(
            key, checks.STRUCTURE_KNOWN, [f"{o.observed_at:%H:%M:%S}: {o.reason}" for o in invalid]
        )
        yield checks.warning(
            key,
            checks.VALUES_GOOD,
            [
                f"{count} in {column}"
                for outcome in valid
                for column, count in sorted((outcome.bad_values or {}).items())
                if count
            ],
        )

    return bronze


def _metadata(source: str, valid: list[LandOutcome], lake: Lake) -> dict[str, Any]:
    newest = valid[-1]
    metadata: dict[str, Any] = {
        "dagster/row_count": newest.rows,
        "benchmark_rows": newest.benchmarks,
        "pulls": len(valid),
        "changed": newest.status == "new",
        "observed_at": iso(newest.observed_at),
    }
    if newest.index_version:
        metadata["index_version"] = newest.index_version
    if newest.bronze:
        import polars as pl

        path = lake.bronze / source / newest.bronze
        metadata["file"] = MetadataValue.path(path)
        metadata["preview"] = markdown_table(pl.read_parquet(path, n_rows=8).to_dicts(), _PREVIEW)
    return metadata
