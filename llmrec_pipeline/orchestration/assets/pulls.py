"""`raw/<source>` and `bronze/<source>`, from one factory. Nothing here opens DuckDB.

Both are one step, because Dagster skips what stands behind an asset that gave nothing: as steps of
their own, one publisher that fails would keep every table from being built in a run that covers
the whole graph.
"""

from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from llmrec_pipeline.domain.records import MODELS_SNAPSHOT
from llmrec_pipeline.domain.timestamps import iso, stamp
from llmrec_pipeline.orchestration import checks, freshness
from llmrec_pipeline.orchestration.metadata import column_schema, markdown
from llmrec_pipeline.orchestration.pull_pool import PullPool
from llmrec_pipeline.orchestration.vocabulary import (
    GROUP_BRONZE,
    GROUP_RAW,
    OWNER,
    bronze_key,
    raw_key,
)
from llmrec_pipeline.settings import Settings, SourceSettings
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
# Executors that run every step of a run in one process, by Dagster's names for them.
_ONE_PROCESS = frozenset({"in_process", "execute_in_process_executor"})


def pull_assets(settings: Settings, lake: Lake, clock: Clock) -> list[AssetsDefinition]:
    """Both assets of every configured source."""
    pool = PullPool(settings, lake, clock)
    return [_source_assets(source, settings, lake, pool, clock) for source in settings.sources]


def _source_assets(
    source: str, settings: Settings, lake: Lake, pool: PullPool, clock: Clock
) -> AssetsDefinition:
    config = settings.sources[source]

    @multi_asset(
        name=f"pull_{source}",
        specs=[_raw_spec(source, settings), _bronze_spec(source, config)],
        check_specs=[*_raw_checks(source), *_bronze_checks(source)],
        can_subset=True,
    )
    def pull(context: AssetExecutionContext) -> checks.Results:
        if raw_key(source) in context.selected_asset_keys:
            yield from _pull(context, source, lake, pool)
        if bronze_key(source) in context.selected_asset_keys:
            yield from _land(context, source, settings, lake, clock)

    return pull


def _raw_spec(source: str, settings: Settings) -> AssetSpec:
    config = settings.sources[source]
    return AssetSpec(
        raw_key(source),
        group_name=GROUP_RAW,
        owners=[OWNER],
        kinds={"python" if config.is_local else "http", "file"},
        skippable=True,
        freshness_policy=freshness.pulled(settings.pipeline.schedule),
        description=(
            f"Pages of {config.title} as received, one folder a pull.\n\n"
            f"Attribution: {config.attribution}.\n\nLicence: {config.licence}."
        ),
        metadata={
            "publisher": (
                MetadataValue.text(f"package {config.package}")
                if config.is_local
                else MetadataValue.url(config.base_url + config.path)
            ),
            "licence": config.licence,
            "attribution": config.attribution,
        },
    )


def _bronze_spec(source: str, config: SourceSettings) -> AssetSpec:
    return AssetSpec(
        bronze_key(source),
        deps=[raw_key(source)],
        group_name=GROUP_BRONZE,
        owners=[OWNER],
        kinds={"polars", "parquet"},
        description=(
            f"Rows of {config.title} in canonical columns, append-only: one Parquet file for each "
            "valid pull with changed content, one record for every valid pull. No identity applied."
        ),
        metadata=column_schema(MODELS_SNAPSHOT),
    )


def _raw_checks(source: str) -> list[AssetCheckSpec]:
    return [
        AssetCheckSpec(
            checks.PULL_SUCCEEDED,
            asset=raw_key(source),
            description="A failed pull is no failed run: the last accepted pull serves on.",
        )
    ]


def _bronze_checks(source: str) -> list[AssetCheckSpec]:
    return [
        AssetCheckSpec(
            checks.STRUCTURE_KNOWN,
            asset=bronze_key(source),
            description="A page of another structure stays raw; nothing of it is used.",
        ),
        AssetCheckSpec(
            checks.VALUES_GOOD,
            asset=bronze_key(source),
            description="A value that cannot be one became NULL; the rest of the row is used.",
        ),
    ]


def _sources_of_run(context: AssetExecutionContext, source: str) -> list[str]:
    """The sources whose pulls may share this process: all of the run's, unless each step has a
    process of its own."""
    if context.job_def.executor_def.name not in _ONE_PROCESS:
        return [source]
    keys = context.job_def.asset_layer.executable_asset_keys
    return [key.path[1] for key in keys if key == raw_key(key.path[-1])]


def _pull(
    context: AssetExecutionContext, source: str, lake: Lake, pool: PullPool
) -> checks.Results:
    key = raw_key(source)
    outcome = pool.outcome(context.run.run_id, source, _sources_of_run(context, source))
    problems = []
    if outcome.status == "pulled" and outcome.observed_at is not None:
        yield MaterializeResult(
            asset_key=key,
            metadata={
                "observed_at": iso(outcome.observed_at),
                "pages": outcome.pages,
                "bytes": outcome.size,
                "requests": outcome.requests,
                "folder": MetadataValue.path(lake.raw / source / stamp(outcome.observed_at)),
            },
        )
    elif outcome.reason is None:
        context.log.info("%s is switched off", source)
    else:
        context.log.warning("%s: %s: %s", source, outcome.status, outcome.reason)
        problems.append(str(outcome.reason))
    yield checks.warning(key, checks.PULL_SUCCEEDED, problems)


def _land(
    context: AssetExecutionContext, source: str, settings: Settings, lake: Lake, clock: Clock
) -> checks.Results:
    key = bronze_key(source)
    landed = land_pending(source, settings, lake, clock)
    invalid = [outcome for outcome in landed if outcome.status == "invalid"]
    valid = [outcome for outcome in landed if outcome.status != "invalid"]
    for outcome in invalid:
        context.log.warning("%s: invalid: %s", source, outcome.reason)
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


def _metadata(source: str, valid: Sequence[LandOutcome], lake: Lake) -> dict[str, Any]:
    """What landed; without a valid pull only that, since the rows that stand are older ones."""
    metadata: dict[str, Any] = {
        "pulls": len(valid),
        "changed": any(outcome.status == "new" for outcome in valid),
    }
    if not valid:
        return metadata
    newest = valid[-1]
    metadata |= {
        "dagster/row_count": newest.rows,
        "benchmark_rows": newest.benchmarks,
        "bad_values": sum((newest.bad_values or {}).values()),
        "observed_at": iso(newest.observed_at),
    }
    if newest.index_version:
        metadata["index_version"] = newest.index_version
    if newest.skipped:
        metadata["skipped"] = ", ".join(f"{n} {kind}" for kind, n in sorted(newest.skipped.items()))
    path = lake.rows_of(source, newest.observed_at)
    if path is not None:
        import polars as pl

        metadata["file"] = MetadataValue.path(path)
        metadata["preview"] = markdown(pl.read_parquet(path, n_rows=8).to_dicts(), _PREVIEW)
    return metadata
