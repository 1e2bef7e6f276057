-- What each host sells now: one row an offering and source.
create or replace view model_offerings as
select
    s.base_model,
    s.serving_host,
    substr(s.offering_key, length(s.serving_host) + 2) as host_model_id,
    s.offering_key,
    coalesce(s.serving_host = h.host, false) as is_creator_host,
    s.price_input_per_1m,
    s.price_output_per_1m,
    s.price_cached_input_per_1m,
    s.is_free,
    s.price_tiers,
    s.effective_at,
    s.context_window,
    s.max_output_tokens,
    s.supports_tools,
    s.supports_vision,
    s.supports_structured_output,
    s.supports_reasoning,
    s.is_open_weights,
    s.is_deprecated,
    s.source,
    s.snapshot_ts
from silver_models as s
anti join silver_doubles as d
    on s.source = d.source and s.source_model_id = d.source_model_id
left join creator_hosts as h
    on s.model_creator = h.creator
where s.offering_key is not null
-- A publisher that lists variants lists their common offering several times.
qualify
    row_number() over (
        partition by s.offering_key, s.source
        order by
            s.variant is not null,
            s.price_input_per_1m is null,
            s.variant,
            s.source_model_id
    ) = 1;
