"""The one schema table.

Every table of the product is described here once, but for our own calls (`usage_records`). DDL,
Polars schemas, value ranges, Dagster table schemas and asset checks are generated from it, and the
views that are written in SQL have these columns and no others.
"""

from __future__ import annotations

from llmrec_pipeline.domain.table_schema import Column, Kind, Table, real, text, timestamp

_INDEX_UNIT = "the publisher's own scale"

PULLED_ORIGINS = ("live", "cached")
"""Origins of what a pull serves, and no bundled facts."""
ORIGINS = (*PULLED_ORIGINS, "fixture", "none")

SOURCE = text("source", "Publisher the row comes from", required=True)
SOURCE_MODEL_ID = text("source_model_id", "The publisher's own id of the model", required=True)
OBSERVED_AT = timestamp("observed_at", "When the publisher was asked", required=True)
CONTENT_HASH = text("content_hash", "SHA-256 of the parsed content of the pull", required=True)
SNAPSHOT_TS = timestamp("snapshot_ts", "observed_at of the pull the row comes from", required=True)
CANONICAL_KEY = text("canonical_model_key", "creator/base[@release][:variant]", required=True)

INDEX_COLUMNS: tuple[Column, ...] = (
    real("quality_index", "General quality", _INDEX_UNIT, minimum=0),
    real("coding_index", "Coding", _INDEX_UNIT, minimum=0),
    real("math_index", "Mathematics", _INDEX_UNIT, minimum=0),
    real("reasoning_index", "Reasoning", _INDEX_UNIT, minimum=0),
    real("agentic_index", "Agentic work and tool use", _INDEX_UNIT, minimum=0),
)
WRITING_INDEX = real("writing_index", "Writing", _INDEX_UNIT, minimum=0)

SPEED_COLUMNS: tuple[Column, ...] = (
    real("output_tokens_per_s", "Median output speed", "tokens/s", minimum=0, maximum=100_000),
    real("ttft_s", "Median time to first token", "s", minimum=0, maximum=3_600),
)
PRICE_COLUMNS: tuple[Column, ...] = (
    real("price_input_per_1m", "Input price", "USD per 1M tokens", minimum=0, maximum=100_000),
    real("price_output_per_1m", "Output price", "USD per 1M tokens", minimum=0, maximum=100_000),
    real(
        "price_cached_input_per_1m",
        "Price of input read from cache",
        "USD per 1M tokens",
        minimum=0,
        maximum=100_000,
    ),
    Column("is_free", Kind.BOOLEAN, "The host charges nothing: prices are 0.0, not unknown"),
)
LIMIT_COLUMNS: tuple[Column, ...] = (
    Column(
        "context_window",
        Kind.INTEGER,
        "Context window",
        "tokens",
        minimum=1,
        maximum=1_000_000_000,
    ),
    Column(
        "max_output_tokens",
        Kind.INTEGER,
        "Longest output",
        "tokens",
        minimum=1,
        maximum=1_000_000_000,
    ),
)
PRICE_TERM_COLUMNS: tuple[Column, ...] = (
    text(
        "price_tiers",
        "Prices of longer requests, JSON: [{above_input_tokens, price_input_per_1m, "
        "price_output_per_1m, price_cached_input_per_1m}], shortest first",
    ),
    Column("effective_at", Kind.DATE, "Day since which the price holds, where the source says so"),
)
CAPABILITY_COLUMNS: tuple[Column, ...] = (
    Column("supports_tools", Kind.BOOLEAN, "Calls tools (functions)"),
    Column("supports_vision", Kind.BOOLEAN, "Reads images"),
    Column("supports_structured_output", Kind.BOOLEAN, "Answers in a JSON schema that one gives"),
    Column("supports_reasoning", Kind.BOOLEAN, "Can think before it answers"),
)
FACT_COLUMNS: tuple[Column, ...] = (
    Column("release_date", Kind.DATE, "Day of release, as the publisher gives it"),
    Column("is_open_weights", Kind.BOOLEAN, "The weights can be downloaded"),
    Column("is_deprecated", Kind.BOOLEAN, "The publisher marks the model as retired or retiring"),
)
CAPABILITIES = {
    **{column.name.removeprefix("supports_"): column.name for column in CAPABILITY_COLUMNS},
    "open_weights": "is_open_weights",
}
"""What a request may ask a model to be able to do, and the column that tells."""
VALUE_COLUMNS = (
    *INDEX_COLUMNS,
    text("index_version", "Version of the publisher's indices, where it names one"),
    *SPEED_COLUMNS,
    *PRICE_COLUMNS,
    *PRICE_TERM_COLUMNS,
    *LIMIT_COLUMNS,
    *CAPABILITY_COLUMNS,
    *FACT_COLUMNS,
)
SAME_AS = text(
    "same_as",
    "Ids by which the publisher itself says which model it means, scheme:id, by blanks",
)

MODELS_SNAPSHOT = Table(
    "models_snapshot",
    "Bronze: one publisher's models as one pull saw them; source facts, no identity applied",
    (
        SOURCE,
        SOURCE_MODEL_ID,
        text("model_name", "The publisher's display name", required=True),
        text("creator", "Who makes the model, as the publisher says"),
        text("host", "Who serves it, where the publisher lists offerings"),
        SAME_AS,
        *VALUE_COLUMNS,
        text("source_url", "Where the row was read"),
        OBSERVED_AT,
        text("parser_version", "Version of the parser that read the page", required=True),
    ),
    ("source", "source_model_id", "observed_at"),
)

BENCHMARK_RESULTS = Table(
    "benchmark_results",
    "Bronze: one score of one model on one benchmark or category, long form",
    (
        SOURCE,
        OBSERVED_AT,
        SOURCE_MODEL_ID,
        text("benchmark_name", "Benchmark or leaderboard", required=True),
        text("category", "Category within it", required=True),
        real("score", "Score", "see unit", required=True),
        text("unit", "Unit of the score: elo, fraction, index, percent, points", required=True),
        real("stderr", "Standard error of the score", "see unit", minimum=0),
        Column("n", Kind.INTEGER, "Votes or samples behind the score", minimum=0),
        text("dataset_version", "Version or publication day of the data set"),
        text("index_version", "Version of the index"),
        Column("verified", Kind.BOOLEAN, "Measured by the publisher, not self-reported"),
        text("source_url", "Where the row was read"),
        real("lower", "Lower bound as published", "see unit"),
        real("upper", "Upper bound as published", "see unit"),
    ),
    ("source", "source_model_id", "benchmark_name", "category", "observed_at"),
)

BRONZE_MODELS = Table(
    "bronze_models",
    "All bronze model rows, appended as they land; loading a file twice changes nothing",
    (*MODELS_SNAPSHOT.columns, CONTENT_HASH, timestamp("landed_at", "When the pull was stored")),
    ("source", "source_model_id", "observed_at"),
)

PULLS = Table(
    "pulls",
    "Every valid pull and what became of it; derived from the pulls in order of observation",
    (
        SOURCE,
        SNAPSHOT_TS,
        Column("status", Kind.TEXT, "accepted, quarantined or unchanged", required=True),
        text("reason", "Why it was quarantined, or what shows that it was rebased"),
        Column("rows", Kind.INTEGER, "Models in the pull", minimum=0),
        Column("rows_previous", Kind.INTEGER, "Models in the accepted pull before it", minimum=0),
        text("index_version", "Index version in force, published or inferred"),
        Column("index_version_inferred", Kind.BOOLEAN, "The pull itself does not name the version"),
        Column("rebased", Kind.BOOLEAN, "Its indices are on another scale than accepted before"),
        CONTENT_HASH,
        timestamp("landed_at", "When the pull was stored", required=True),
        text("parser_version", "Version of the parser", required=True),
    ),
    ("source", "snapshot_ts"),
)

IDENTITY_COLUMNS: tuple[Column, ...] = (
    CANONICAL_KEY,
    text("base_model", "creator/base[@release]", required=True),
    text("variant", "Effort, thinking or budget"),
    text("model_creator", "Who makes the model, as our creator id", required=True),
    text("serving_host", "Who serves it, as our host id; empty where no offering is named"),
    text("offering_key", "host|host_model_id, where the row is an offering"),
    text("identity_method", "Which kind of rule joined the name", required=True),
)

MODEL_IDENTITY_MAP = Table(
    "model_identity_map",
    "Which model each name of each publisher means",
    (
        SOURCE,
        SOURCE_MODEL_ID,
        text("model_name", "The publisher's display name"),
        *IDENTITY_COLUMNS,
        real("confidence", "0 to 1", "", minimum=0, maximum=1),
    ),
    ("source", "source_model_id"),
)

MODEL_IDENTITY_REVIEW = Table(
    "model_identity_review",
    "Names that no rule could join, for a person to decide; and rows told twice, with `used_id`",
    (
        SOURCE,
        SOURCE_MODEL_ID,
        text("model_name", "The publisher's display name"),
        text("reason", "Why no rule applies", required=True),
        text("proposal", "Nearest base model, where there is one"),
        text("review_id", "What `llmrec identity accept` takes: of the name, always the same"),
        real("score", "How alike the name and the proposal are", "0 to 1", minimum=0, maximum=1),
        text("evidence", "What both say, and which words differ"),
        text(
            "used_id",
            "Of another row for the same model: the row whose values are used; else empty",
        ),
    ),
    ("source", "source_model_id"),
)

SOURCE_NAMES = Table(
    "source_names",
    "What each publisher says of each of its names that tells which model it means",
    (
        SOURCE,
        SOURCE_MODEL_ID,
        text("model_name", "The publisher's display name"),
        text("creator", "Who makes the model, as the publisher says"),
        text("host", "Who serves it, as the publisher says"),
        Column("release_date", Kind.DATE, "The date that the publisher gives the name"),
        SAME_AS,
    ),
    ("source", "source_model_id"),
)

KEY_REDIRECTS = Table(
    "key_redirects",
    "Keys of editions before that are no keys now, and what they are called",
    (
        text("old_key", "The key as it was cited", required=True),
        text("canonical_model_key", "What it is now; empty where its names are left open now"),
        text("since_edition", "The first edition that used it", required=True),
        Column("names", Kind.INTEGER, "How many names meant it", required=True, minimum=1),
        Column("agreeing", Kind.INTEGER, "How many of them mean the key now", required=True),
    ),
    ("old_key",),
)

SILVER_MODELS = Table(
    "silver_models",
    "Cleaned rows with keys: what each source says now, from its serving pull or fixture",
    (
        SOURCE,
        SOURCE_MODEL_ID,
        text("model_name", "The publisher's display name", required=True),
        *IDENTITY_COLUMNS,
        *VALUE_COLUMNS,
        WRITING_INDEX,
        text("source_url", "Where the row was read"),
        Column("origin", Kind.TEXT, "live, cached or fixture", required=True),
        SNAPSHOT_TS,
    ),
    ("source", "source_model_id"),
)

MODELS_HISTORY = Table(
    "models_history",
    "All rows of all accepted pulls across time, with keys",
    (
        SOURCE,
        SOURCE_MODEL_ID,
        text("model_name", "The publisher's display name", required=True),
        *IDENTITY_COLUMNS,
        *VALUE_COLUMNS,
        SNAPSHOT_TS,
    ),
    ("source", "source_model_id", "snapshot_ts"),
)

MODEL_OFFERINGS = Table(
    "model_offerings",
    "What each host sells now: one base model under one host's id, at its price and limits",
    (
        text("base_model", "creator/base[@release]", required=True),
        text("serving_host", "Who serves it", required=True),
        text("host_model_id", "The host's own id of the model", required=True),
        text("offering_key", "host|host_model_id", required=True),
        Column("is_creator_host", Kind.BOOLEAN, "The creator's own host", required=True),
        *PRICE_COLUMNS,
        *PRICE_TERM_COLUMNS,
        *LIMIT_COLUMNS,
        *CAPABILITY_COLUMNS,
        Column("is_open_weights", Kind.BOOLEAN, "The weights can be downloaded"),
        Column("is_deprecated", Kind.BOOLEAN, "The host marks it as retired or retiring"),
        SOURCE,
        SNAPSHOT_TS,
    ),
    ("offering_key", "source"),
)

PRICE_CONFLICTS = Table(
    "price_conflicts",
    "Prices of one offering on which two sources differ by more than the configured share",
    (
        text("base_model", "creator/base[@release]", required=True),
        text("serving_host", "Who serves it", required=True),
        text("price_column", "Which price", required=True),
        text("offering_key", "The offering that is used", required=True),
        text("used_source", "Source whose price is used", required=True),
        real("used_price", "That price", "USD per 1M tokens", required=True),
        SOURCE,
        text("source_offering_key", "The offering that the other source means", required=True),
        real("price", "The other source's price", "USD per 1M tokens", required=True),
        real("difference", "price / used_price - 1", "share", required=True),
    ),
    ("base_model", "serving_host", "price_column", "source"),
)

MEASURES_LATEST = Table(
    "measures_latest",
    "Every index value now, long form: one measure (publisher, column, version) a row",
    (
        CANONICAL_KEY,
        SOURCE,
        text("measure_column", "quality_index, coding_index, …", required=True),
        text("index_version", "Version of the publisher's indices"),
        real("value", "Value on the publisher's own scale", _INDEX_UNIT, required=True),
        text("source_model_id", "The publisher's own id of the model"),
        SNAPSHOT_TS,
    ),
    ("canonical_model_key", "source", "measure_column"),
)

_MERGED = (*INDEX_COLUMNS, WRITING_INDEX, *SPEED_COLUMNS, *PRICE_COLUMNS, *LIMIT_COLUMNS)

MODELS_LATEST = Table(
    "models_latest",
    "One row a model: each field from the first source that knows it, with that source's name",
    (
        CANONICAL_KEY,
        text("base_model", "creator/base[@release]", required=True),
        text("variant", "Effort, thinking or budget"),
        text("model_name", "Display name", required=True),
        text("provider", "The creator", required=True),
        text("serving_host", "Host of the offering that price and limits belong to"),
        text("offering_key", "That offering, host|host_model_id"),
        *_MERGED,
        *CAPABILITY_COLUMNS,
        *FACT_COLUMNS,
        *(
            text(f"{column.name}_source", f"Source of {column.name}")
            for column in _MERGED
            if column.name != "is_free"
        ),
        text("index_versions", "source=version pairs behind the index columns"),
        Column("listed", Kind.BOOLEAN, "Present in at least one source now", required=True),
        timestamp("last_seen", "Last accepted pull that had it, where it is no longer listed"),
        SNAPSHOT_TS,
    ),
    ("canonical_model_key",),
)

_NORM_UNIT = "0 to 1, and beyond for what lies beyond an anchor"

TASK_RANKINGS = Table(
    "task_rankings",
    "Every task type and priority, ranked without constraints",
    (
        text("task_type", "Task type of config/tasks.yaml", required=True),
        text("priority", "none, quality, speed or cost", required=True),
        text("scorer", "Scorer that made the ranking", required=True),
        Column("rank", Kind.INTEGER, "1 is best", required=True, minimum=1),
        CANONICAL_KEY,
        text("offering_key", "Offering whose price and limits were used"),
        text("model_name", "Display name", required=True),
        text("provider", "The creator", required=True),
        real("score", "Weighted score", _NORM_UNIT, required=True),
        real("quality_norm", "Normalised quality", _NORM_UNIT),
        real("speed_norm", "Normalised speed", _NORM_UNIT),
        real("cost_norm", "Normalised cost, more is cheaper", _NORM_UNIT),
        text("basis_source", "Publisher of the measure, or those of the consensus", required=True),
        text("basis_column", "Column of the measure, or consensus", required=True),
        text("basis_index_version", "Version of the measure"),
    ),
    ("task_type", "priority", "scorer", "rank"),
)

CATEGORY_RANKINGS = Table(
    "category_rankings",
    "Models by category, the publishers' scores blended on one frozen scale of 0 to 100",
    (
        text("category", "coding, math, reasoning, research, empathy or general", required=True),
        Column("rank", Kind.INTEGER, "1 is best", required=True, minimum=1),
        text("provider", "The creator", required=True),
        text("model_name", "Display name", required=True),
        CANONICAL_KEY,
        real("score", "Blended score", "0 to 100", required=True, minimum=0, maximum=100),
        text("sources", "JSON: formula, and each publisher's reading and share", required=True),
        text(
            "metadata",
            "JSON: speed (tokens/s), latency_ms, cost_per_token (USD), context_window (tokens)",
            required=True,
        ),
        timestamp("last_updated", "Newest observation among the sources", required=True),
    ),
    ("category", "rank"),
)

MARKET_CHANGES = Table(
    "market_changes",
    "What the newest pulls changed: models new, gone, retired and repriced, places, bases, origins",
    (
        text(
            "change",
            "new, gone, deprecated, repriced, reranked, top_pick, rebased, not_compared or origin",
            required=True,
        ),
        text("subject", "Model key, offering key, task type or source", required=True),
        text("field", "Price column, task type of a place, or what was rebased"),
        text("before", "Value before, as text"),
        text("after", "Value after, as text"),
        real("relative", "after / before - 1, of prices", "share"),
        text("detail", "What it is about", required=True),
        timestamp("since", "Moment that is compared with: before the newest pulls", required=True),
        SNAPSHOT_TS,
    ),
    ("change", "subject", "field"),
)

MARKET_CHANGES_MONTH = Table(
    "market_changes_month",
    "What 30 days of pulls changed, or all pulls where there are fewer days; as market_changes",
    MARKET_CHANGES.columns,
    MARKET_CHANGES.key,
)

USE_CASES = Table(
    "use_cases",
    "What the team uses which model for, of config/models.yaml as it was when this was published",
    (
        text("use_case", "Name of the use case", required=True),
        text("task_type", "Its task type, of config/advice.yaml", required=True),
        text("current_model", "Key of the model in use", required=True),
        text("model_name", "How models.yaml names it", required=True),
    ),
    ("use_case",),
)

_MEASURE = (
    SOURCE,
    text("name", "Index column or benchmark", required=True),
    text("category", "Category of the benchmark; empty for an index column"),
    text("index_version", "Version of the publisher's indices"),
)
_MEASURE_VALUE = real("value", "More is better", "the measure's own unit", required=True)

MEASURE_READINGS = Table(
    "measure_readings",
    "What each measure that the consensus may use says of each model now",
    (
        CANONICAL_KEY,
        text("base_model", "creator/base[@release]", required=True),
        *_MEASURE,
        _MEASURE_VALUE,
        real("stderr", "The measure's own standard error", "the measure's own unit", minimum=0),
        Column("verified", Kind.BOOLEAN, "Measured by the publisher, not self-reported"),
    ),
    ("canonical_model_key", "source", "name", "category"),
)

MEASURE_POPULATIONS = Table(
    "measure_populations",
    "The frozen population of each measure: who was in the first accepted pull that held it",
    (
        *_MEASURE,
        SNAPSHOT_TS,
        CONTENT_HASH,
        text("canonical_model_key", "creator/base[@release][:variant], where a rule names it"),
        _MEASURE_VALUE,
    ),
)

_DEVIATIONS = "standard deviations of the frozen populations"

CONSENSUS = Table(
    "consensus",
    "What all measures together say of each model at each task type, with its uncertainty",
    (
        text("task_type", "Task type of config/tasks.yaml", required=True),
        CANONICAL_KEY,
        text("method", "How the measures are combined", required=True),
        real("score", "Consensus score", _DEVIATIONS, required=True),
        real("low", "Lower end of its interval", _DEVIATIONS, required=True),
        real("high", "Upper end of its interval", _DEVIATIONS, required=True),
        Column("rank", Kind.INTEGER, "1 is best", required=True, minimum=1),
        Column("rank_low", Kind.INTEGER, "Best rank that the intervals allow", minimum=1),
        Column("rank_high", Kind.INTEGER, "Worst rank that the intervals allow", minimum=1),
        Column("ties", Kind.INTEGER, "Models whose intervals overlap this one's", minimum=0),
        Column("n_measures", Kind.INTEGER, "Measures that it rests on", minimum=1),
        text("publishers", "Publishers that it rests on", required=True),
        text("evidence", "Measures with grade and weight", required=True),
    ),
    ("task_type", "canonical_model_key"),
)

DECISIONS = Table(
    "decisions",
    "What people decided on upgrade advice, one row a step; who and why stay in the evidence store",
    (
        Column("id", Kind.INTEGER, "Id of the step", required=True, minimum=1),
        Column("recommendation_id", Kind.INTEGER, "Id of the recommendation", required=True),
        text("use_case", "What the model is used for", required=True),
        text("current_model", "Key of the model in use then", required=True),
        text("recommended_model", "Key of the model that was advised", required=True),
        text("status", "accepted, rejected or implemented", required=True),
        timestamp("decided_at", "When it was decided", required=True),
    ),
    ("id",),
)

MODEL_RECOMMENDATIONS = Table(
    "model_recommendations",
    "Upgrade advice as it stood at the last export: of each use case and model the newest",
    (
        Column("id", Kind.INTEGER, "Id of the recommendation", required=True, minimum=1),
        timestamp("created_at", "When it was proposed", required=True),
        text("status", "proposed, accepted, rejected or implemented", required=True),
        text("use_case", "What the model is used for", required=True),
        text("current_model", "Key of the model in use then", required=True),
        text("recommended_model", "Key of the model that is advised", required=True),
        text("reasoning", "Why, in words and with the figures", required=True),
        real("expected_cost_delta_pct", "Change of the blended price", "percent"),
        real("expected_quality_delta", "Mean relative change of shared benchmarks", "fraction"),
        real("monthly_delta_usd", "Change of a month's spend at our own volume", "USD"),
        real("confidence", "How sure the advice is", "0 to 1", required=True),
        text("evidence_counts", "JSON: number of evidence rows by kind", required=True),
    ),
    ("id",),
)

MODEL_RUNTIME_STATS = Table(
    "model_runtime_stats",
    "Our own calls in the newest window, by provider, model and role, as of the last export",
    (
        timestamp("window_start", "First midnight of the window", required=True),
        timestamp("window_end", "Midnight at which the window ends", required=True),
        text("provider", "Who served", required=True),
        text("model", "creator/base[@release][:variant]", required=True),
        text("role", "Use case or role", required=True),
        Column("calls", Kind.INTEGER, "Calls", "calls", required=True, minimum=1),
        Column("total_tokens", Kind.INTEGER, "Input and output", "tokens", minimum=0),
        real("est_cost_usd", "Cost by the prices in force", "USD", minimum=0),
        real("success_rate", "Of calls whose outcome is known", "fraction", minimum=0),
        real("success_low", "Lower end of its interval", "fraction", minimum=0),
        real("success_high", "Upper end of its interval", "fraction", minimum=0),
        real("p50_latency_s", "Median until the answer was whole", "s", minimum=0),
        real("p50_ttft_s", "Median until the first token", "s", minimum=0),
    ),
    ("window_start", "window_end", "provider", "model", "role"),
)

MANUAL_BENCHMARKS = Table(
    "manual_benchmarks",
    "Scores that people entered; they support upgrade advice, no ranking rests on them",
    (
        Column("id", Kind.INTEGER, "Id of the score", required=True, minimum=1),
        text("model_id", "creator/base[@release][:variant]", required=True),
        text("benchmark_name", "The benchmark's name", required=True),
        real("score", "More is better", "the benchmark's own unit", required=True),
        text("unit", "fraction, percent, index, points or elo", required=True),
        text("task_type", "What it measures, one of config/tasks.yaml", required=True),
        text("dataset_version", "Version of the benchmark"),
        text("source", "Who measured", required=True),
        text("source_url", "Where it is told", required=True),
        timestamp("retrieved_at", "When it was entered or corrected", required=True),
    ),
    ("id",),
)
