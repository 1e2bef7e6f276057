-- One offering for each base model and host, never the best of several: price as a whole from the
-- first source that knows it, limits field by field. A source that prices the creator's own host
-- without its ids speaks of whichever offering stands for that host.
create or replace view offerings_latest as
with described as (
    select
        o.*,
        s.source is not null as is_without_id,
        p.position as price_position,
        l.position as limits_position
    from model_offerings as o
    left join source_order as p
        on p.kind = 'price' and o.source = p.source
    left join source_order as l
        on l.kind = 'limits' and o.source = l.source
    left join source_order as s
        on s.kind = 'without_id' and o.source = s.source
),

chosen as (
    select
        base_model,
        serving_host,
        is_creator_host,
        offering_key
    from described
    qualify
        row_number() over (
            partition by base_model, serving_host
            order by
                is_without_id,
                price_position nulls last,
                coalesce(is_deprecated, false),
                price_input_per_1m is null,
                length(offering_key),
                offering_key,
                source
        ) = 1
),

-- What is said of the chosen offering: one row a source.
said as (
    select d.*
    from described as d
    inner join chosen as c
        on
            d.base_model = c.base_model
            and d.serving_host = c.serving_host
            and (d.is_without_id or d.offering_key = c.offering_key)
),

prices as (
    select *
    from said
    where price_input_per_1m is not null or price_output_per_1m is not null
    qualify
        row_number() over (
            partition by base_model, serving_host
            order by price_input_per_1m is null, price_position nulls last, source
        ) = 1
),

limits as (
    select
        base_model,
        serving_host,
        min_by(context_window, {position: coalesce(limits_position, 99), source: source})
            filter (where context_window is not null) as context_window,
        min_by(source, {position: coalesce(limits_position, 99), source: source})
            filter (where context_window is not null) as context_window_source,
        min_by(max_output_tokens, {position: coalesce(limits_position, 99), source: source})
            filter (where max_output_tokens is not null) as max_output_tokens,
        min_by(source, {position: coalesce(limits_position, 99), source: source})
            filter (where max_output_tokens is not null) as max_output_tokens_source,
        min_by(supports_tools, {position: coalesce(limits_position, 99), source: source})
            filter (where supports_tools is not null) as supports_tools,
        min_by(supports_vision, {position: coalesce(limits_position, 99), source: source})
            filter (where supports_vision is not null) as supports_vision,
        min_by(supports_structured_output, {position: coalesce(limits_position, 99), source: source})
            filter (where supports_structured_output is not null) as supports_structured_output,
        min_by(supports_reasoning, {position: coalesce(limits_position, 99), source: source})
            filter (where supports_reasoning is not null) as supports_reasoning,
        min_by(is_open_weights, {position: coalesce(limits_position, 99), source: source})
            filter (where is_open_weights is not null) as is_open_weights,
        min_by(is_deprecated, {position: coalesce(limits_position, 99), source: source})
            filter (where is_deprecated is not null) as is_deprecated
    from said
    group by base_model, serving_host
)

select
    c.base_model,
    c.serving_host,
    c.is_creator_host,
    c.offering_key,
    p.price_input_per_1m,
    p.price_output_per_1m,
    p.price_cached_input_per_1m,
    p.is_free,
    p.price_tiers,
    p.effective_at,
    p.source as price_source,
    l.context_window,
    l.context_window_source,
    l.max_output_tokens,
    l.max_output_tokens_source,
    l.supports_tools,
    l.supports_vision,
    l.supports_structured_output,
    l.supports_reasoning,
    l.is_open_weights,
    l.is_deprecated
from chosen as c
inner join limits as l
    on c.base_model = l.base_model and c.serving_host = l.serving_host
left join prices as p
    on c.base_model = p.base_model and c.serving_host = p.serving_host;
