-- Prices and indices of the models in `wanted` over time, long form: a row where a line begins,
-- moves or ends, at most one a day. A line is what one source says of one column at one index
-- version. A line with more than $points rows keeps the last of each stretch of $stretch days.
with prices as (
    unpivot (
        select
            w.canonical_model_key as model,
            h.source,
            null::varchar as index_version,
            h.snapshot_ts,
            h.source_model_id,
            h.price_input_per_1m,
            h.price_output_per_1m
        from models_history as h
        join wanted as w
            on h.base_model = w.base_model
            and h.source = w.price_source
            and coalesce(h.offering_key, w.offering_key) = w.offering_key
        where h.snapshot_ts >= $since
    )
    on price_input_per_1m, price_output_per_1m
    into name item value amount
),

indices as (
    unpivot (
        select
            w.canonical_model_key as model,
            h.source,
            h.index_version,
            h.snapshot_ts,
            h.source_model_id,
            h.quality_index,
            h.coding_index,
            h.math_index,
            h.reasoning_index,
            h.agentic_index
        from models_history as h
        join wanted as w on h.canonical_model_key = w.canonical_model_key
        where h.snapshot_ts >= $since
    )
    on quality_index, coding_index, math_index, reasoning_index, agentic_index
    into name item value amount
),

daily as (
    select
        model,
        source,
        item,
        index_version,
        snapshot_ts::date as day,
        arg_max(amount, (snapshot_ts, source_model_id)) as amount
    from (from prices union all from indices)
    group by all
),

moves as (
    select *
    from daily
    window line as (partition by model, source, item, index_version order by day)
    qualify
        amount is distinct from lag(amount) over line
        or lead(day) over line is null
)

select model, source, item, index_version, day, amount
from moves
qualify
    count(*) over (partition by model, source, item, index_version) <= $points
    or lead(day) over (
        partition by model, source, item, index_version, (day - date '2000-01-01') // $stretch
        order by day
    ) is null
order by all
