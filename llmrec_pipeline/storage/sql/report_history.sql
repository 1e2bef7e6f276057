-- Prices and indices of the models in `wanted` over time, long form: a row where a line begins,
-- moves or ends, at most one a day. A line is what one source says of one column at one index
-- version. A line with more than $points rows keeps the last of each stretch of $stretch days.
WITH prices AS (
    UNPIVOT (
        SELECT
            w.canonical_model_key AS model,
            h.source,
            NULL::VARCHAR AS index_version,
            h.snapshot_ts,
            h.source_model_id,
            h.price_input_per_1m,
            h.price_output_per_1m
        FROM models_history AS h
        JOIN wanted AS w
            ON h.base_model = w.base_model
            AND h.source = w.price_source
            AND coalesce(h.offering_key, w.offering_key) = w.offering_key
        WHERE h.snapshot_ts >= $since
    )
    ON price_input_per_1m, price_output_per_1m
    INTO NAME item VALUE amount
),

indices AS (
    UNPIVOT (
        SELECT
            w.canonical_model_key AS model,
            h.source,
            h.index_version,
            h.snapshot_ts,
            h.source_model_id,
            h.quality_index,
            h.coding_index,
            h.math_index,
            h.reasoning_index,
            h.agentic_index
        FROM models_history AS h
        JOIN wanted AS w ON h.canonical_model_key = w.canonical_model_key
        WHERE h.snapshot_ts >= $since
    )
    ON quality_index, coding_index, math_index, reasoning_index, agentic_index
    INTO NAME item VALUE amount
),

daily AS (
    SELECT
        model,
        source,
        item,
        index_version,
        snapshot_ts::DATE AS day,
        arg_max(amount, (snapshot_ts, source_model_id)) AS amount
    FROM (FROM prices UNION ALL FROM indices)
    GROUP BY ALL
),

moves AS (
    SELECT *
    FROM daily
    WINDOW line AS (PARTITION BY model, source, item, index_version ORDER BY day)
    QUALIFY
        amount IS DISTINCT FROM lag(amount) OVER line
        OR lead(day) OVER line IS NULL
)

SELECT model, source, item, index_version, day, amount
FROM moves
QUALIFY
    count(*) OVER (PARTITION BY model, source, item, index_version) <= $points
    OR lead(day) OVER (
        PARTITION BY model, source, item, index_version, (day - DATE '2000-01-01') // $stretch
        ORDER BY day
    ) IS NULL
ORDER BY ALL
