"""Names that the Dagster UI, run tags and other tools see. Changing one breaks somebody's script."""

from __future__ import annotations

from dagster import AssetKey

OWNER = "team:llm-platform"
WAREHOUSE_POOL = "duckdb"

# The UI lists groups by name; numbered, they follow the flow.
GROUP_RAW = "1_raw"
GROUP_BRONZE = "2_bronze"
GROUP_WAREHOUSE = "3_warehouse"
GROUP_RANKING = "4_ranking"
GROUP_PUBLISHED = "5_published"
GROUP_EVIDENCE = "6_evidence"

JOB_INGEST = "ingest"
JOB_REFRESH = "refresh"
JOB_EVIDENCE = "evidence"
# What Dagster calls a run of assets that somebody chose in the UI, all of them included.
JOB_CHOSEN_ASSETS = "__ASSET_JOB"
SCHEDULE = "ingest_every_six_hours"
SENSOR = "new_snapshot_sensor"
EDITION_SENSOR = "new_edition_sensor"

TAG_INPUTS = "llmrec/inputs_hash"
TAG_ATTEMPT = "llmrec/attempt"
TAG_REPLACES = "llmrec/replaces"
TAG_TAKES_UP = "llmrec/takes_up_edition"
TAG_TEAM_FILES = "llmrec/team_files"
TAG_EDITION = "llmrec/edition"
TAG_ORIGINS = "llmrec/origins"
TAG_COMMAND = "llmrec/command"

BRONZE_MODELS = AssetKey("bronze_models")
SILVER_MODELS = AssetKey("silver_models")
MODELS_HISTORY = AssetKey("models_history")
MODELS_LATEST = AssetKey("models_latest")
TASK_RANKINGS = AssetKey("task_rankings")
CATEGORY_RANKINGS = AssetKey("category_rankings")
MARKET_CHANGES = AssetKey("market_changes")
WRITTEN = AssetKey("written_by_people")
EDITION = AssetKey("edition")
RECOMMENDATION_REPORT = AssetKey("recommendation_report")
MARKET_DIGEST = AssetKey("market_digest")
MODELS_CATALOG = AssetKey("models_catalog")
MODEL_PRICING = AssetKey("model_pricing")
MODEL_BENCHMARKS = AssetKey("model_benchmarks")
MODEL_RECOMMENDATIONS = AssetKey("model_recommendations")
MODEL_SENTIMENT_SIGNALS = AssetKey("model_sentiment_signals")
MODEL_RUNTIME_STATS = AssetKey("model_runtime_stats")


def raw_key(source: str) -> AssetKey:
    """`raw/<source>`."""
    return AssetKey(["raw", source])


def bronze_key(source: str) -> AssetKey:
    """`bronze/<source>`."""
    return AssetKey(["bronze", source])
