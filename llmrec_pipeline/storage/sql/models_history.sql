-- Every row of every accepted pull, as the world looked then, under today's keys.
create or replace view models_history as
select
    m.source,
    m.source_model_id,
    m.model_name,
    i.canonical_model_key,
    i.base_model,
    i.variant,
    i.model_creator,
    i.serving_host,
    i.offering_key,
    i.identity_method,
    m.quality_index,
    m.coding_index,
    m.math_index,
    m.reasoning_index,
    m.agentic_index,
    p.index_version,
    m.output_tokens_per_s,
    m.ttft_s,
    m.price_input_per_1m,
    m.price_output_per_1m,
    m.price_cached_input_per_1m,
    m.is_free,
    m.price_tiers,
    m.effective_at,
    m.context_window,
    m.max_output_tokens,
    m.supports_tools,
    m.supports_vision,
    m.supports_structured_output,
    m.supports_reasoning,
    m.release_date,
    m.is_open_weights,
    m.is_deprecated,
    p.snapshot_ts
from accepted_pulls as p
inner join bronze_models as m
    on p.source = m.source and p.place = m.observed_at
inner join model_identity_map as i
    -- As rows, so that names meet rows of bronze and not first every pull of their publisher.
    on row(m.source, m.source_model_id) = row(i.source, i.source_model_id);
