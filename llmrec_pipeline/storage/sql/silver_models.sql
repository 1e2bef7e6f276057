-- What each source says now: the rows of its serving pull or fixture, with keys.
create or replace view silver_models as
with further as (
    select
        b.source,
        b.source_model_id,
        max(b.score) filter (where c.measure_column = 'writing_index') as writing_index
    from serving_benchmarks as b
    inner join benchmark_columns as c
        on b.source = c.source and b.category = c.category
    group by b.source, b.source_model_id
)

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
    m.index_version,
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
    f.writing_index,
    m.source_url,
    m.origin,
    m.snapshot_ts
from serving_models as m
inner join model_identity_map as i
    on m.source = i.source and m.source_model_id = i.source_model_id
left join further as f
    on m.source = f.source and m.source_model_id = f.source_model_id;
