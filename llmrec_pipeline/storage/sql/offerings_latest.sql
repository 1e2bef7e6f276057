-- One offering for each base model and host: price as a whole from the first source that knows
-- it, limits field by field. Never the best of several.
create or replace view offerings_latest as
with ranked as (
    select
        o.*,
        row_number() over (
            partition by o.base_model, o.serving_host
            order by
                p.position nulls last,
                coalesce(o.is_deprecated, false),
                length(o.offering_key),
                o.offering_key,
                o.source
        ) as price_rank,
        row_number() over (
            partition by o.base_model, o.serving_host
            order by
                l.position nulls last,
                coalesce(o.is_deprecated, false),
                length(o.offering_key),
                o.offering_key,
                o.source
        ) as limits_rank
    from model_offerings as o
    left join source_order as p
        on p.kind = 'price' and o.source = p.source
    left join source_order as l
        on l.kind = 'limits' and o.source = l.source
)

select
    base_model,
    serving_host,
    bool_or(is_creator_host) as is_creator_host,
    min_by(offering_key, price_rank) as offering_key,
    min_by(price_input_per_1m, price_rank)
        filter (where price_input_per_1m is not null) as price_input_per_1m,
    min_by(price_output_per_1m, price_rank)
        filter (where price_input_per_1m is not null) as price_output_per_1m,
    min_by(price_cached_input_per_1m, price_rank)
        filter (where price_input_per_1m is not null) as price_cached_input_per_1m,
    min_by(is_free, price_rank)
        filter (where price_input_per_1m is not null) as is_free,
    min_by(source, price_rank)
        filter (where price_input_per_1m is not null) as price_source,
    min_by(context_window, limits_rank)
        filter (where context_window is not null) as context_window,
    min_by(source, limits_rank)
        filter (where context_window is not null) as context_window_source,
    min_by(max_output_tokens, limits_rank)
        filter (where max_output_tokens is not null) as max_output_tokens,
    min_by(source, limits_rank)
        filter (where max_output_tokens is not null) as max_output_tokens_source,
    min_by(is_deprecated, price_rank) as is_deprecated
from ranked
group by base_model, serving_host;
