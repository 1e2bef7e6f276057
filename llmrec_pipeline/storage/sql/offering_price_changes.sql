-- What the offerings of hosts cost over time, USD per 1M tokens: a row for each change. Of several
-- sources the first of the order speaks for a model at a host, and of its offerings there the one with
-- the shortest name. A source that does not say since when is taken to speak of the moment at which it
-- was asked.
with wanted as (
    select
        unnest($models) as base_model,
        unnest($hosts) as serving_host
),

told as (
    select
        h.*,
        list_position($sources, h.source) as position,
        coalesce(cast(h.effective_at as timestamptz), h.snapshot_ts) as since
    from models_history as h
    semi join wanted as w
        on h.base_model = w.base_model and h.serving_host = w.serving_host
    where h.price_input_per_1m is not null and h.price_output_per_1m is not null
),

chosen as (
    select
        base_model,
        serving_host,
        source,
        offering_key
    from told
    qualify
        row_number() over (
            partition by base_model, serving_host
            order by position nulls last, length(offering_key), offering_key
        ) = 1
),

dated as (
    select t.*
    from told as t
    semi join chosen as c
        on
            t.base_model = c.base_model
            and t.serving_host = c.serving_host
            and t.source = c.source
            and t.offering_key = c.offering_key
    qualify
        row_number() over (
            partition by t.base_model, t.serving_host, t.since
            order by t.snapshot_ts desc, t.source_model_id
        ) = 1
)

select
    base_model,
    serving_host,
    since,
    price_input_per_1m,
    price_output_per_1m,
    price_cached_input_per_1m,
    price_tiers
from dated
qualify
    row(price_input_per_1m, price_output_per_1m, price_cached_input_per_1m, price_tiers)
    is distinct from lag(
        row(price_input_per_1m, price_output_per_1m, price_cached_input_per_1m, price_tiers)
    ) over (partition by base_model, serving_host order by since)
order by base_model, serving_host, since
