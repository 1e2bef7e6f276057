-- One row a model. Index columns: from the first publisher that has them. Speed: from our own
-- calls where `own_speeds` has it, which no public figure outranks; else from the rows of the model
-- itself. Price, context and limits: from the base model's offering at the creator's own
-- host, so they hold for every variant. A model that no source lists any more stays, unranked.
create or replace view models_latest as
with told_speeds as (
    select
        s.canonical_model_key,
        s.source,
        s.source_model_id,
        o.position,
        s.output_tokens_per_s,
        s.ttft_s
    from silver_models as s
    anti join silver_doubles as d
        on s.source = d.source and s.source_model_id = d.source_model_id
    inner join source_order as o
        on o.kind = 'speed' and s.source = o.source

    union all by name

    select
        canonical_model_key,
        'own_telemetry' as source,
        canonical_model_key as source_model_id,
        -1 as position,
        output_tokens_per_s,
        ttft_s
    from own_speeds
),

speeds as (
    select
        canonical_model_key,
        min_by(output_tokens_per_s, {position: position, id: source_model_id})
            filter (where output_tokens_per_s is not null) as output_tokens_per_s,
        min_by(source, {position: position, id: source_model_id})
            filter (where output_tokens_per_s is not null) as output_tokens_per_s_source,
        min_by(ttft_s, {position: position, id: source_model_id})
            filter (where ttft_s is not null) as ttft_s,
        min_by(source, {position: position, id: source_model_id})
            filter (where ttft_s is not null) as ttft_s_source
    from told_speeds
    group by canonical_model_key
),

facts as (
    select
        s.base_model,
        min_by(s.release_date, {position: o.position, id: s.source_model_id})
            filter (where s.release_date is not null) as release_date,
        min_by(s.is_open_weights, {position: o.position, id: s.source_model_id})
            filter (where s.is_open_weights is not null) as is_open_weights
    from silver_models as s
    inner join source_order as o
        on o.kind = 'facts' and s.source = o.source
    group by s.base_model
),

named as (
    select
        s.canonical_model_key,
        min(s.base_model) as base_model,
        min(s.variant) as variant,
        min(s.model_creator) as model_creator,
        min_by(
            s.model_name,
            {position: coalesce(o.position, 99), source: s.source, id: s.source_model_id}
        ) as model_name,
        max(s.snapshot_ts) as snapshot_ts
    from silver_models as s
    left join source_order as o
        on o.kind = 'names' and s.source = o.source
    group by s.canonical_model_key
),

indices as (
    select
        m.canonical_model_key,
        min_by(m.value, o.position) filter (where m.measure_column = 'quality_index') as quality_index,
        min_by(m.value, o.position) filter (where m.measure_column = 'coding_index') as coding_index,
        min_by(m.value, o.position) filter (where m.measure_column = 'math_index') as math_index,
        min_by(m.value, o.position)
            filter (where m.measure_column = 'reasoning_index') as reasoning_index,
        min_by(m.value, o.position) filter (where m.measure_column = 'agentic_index') as agentic_index,
        min_by(m.value, o.position) filter (where m.measure_column = 'writing_index') as writing_index,
        min_by(m.source, o.position)
            filter (where m.measure_column = 'quality_index') as quality_index_source,
        min_by(m.source, o.position)
            filter (where m.measure_column = 'coding_index') as coding_index_source,
        min_by(m.source, o.position)
            filter (where m.measure_column = 'math_index') as math_index_source,
        min_by(m.source, o.position)
            filter (where m.measure_column = 'reasoning_index') as reasoning_index_source,
        min_by(m.source, o.position)
            filter (where m.measure_column = 'agentic_index') as agentic_index_source,
        min_by(m.source, o.position)
            filter (where m.measure_column = 'writing_index') as writing_index_source,
        string_agg(distinct m.source || '=' || m.index_version, ', ' order by m.source || '=' || m.index_version)
            as index_versions
    from measures_latest as m
    inner join source_order as o
        on o.kind = 'measures' and m.source = o.source
    group by m.canonical_model_key
),

newest_pulls as (
    select
        p.source,
        max(p.snapshot_ts) as snapshot_ts
    from pulls as p
    inner join serving as s
        on p.source = s.source
    -- A source that is switched off has none.
    where p.status = 'accepted' and s.accepted_at is not null
    group by p.source
),

-- Nothing serves for them: gone from every source, or of a source that was last seen too long ago.
silent as (
    select
        i.canonical_model_key,
        min(i.base_model) as base_model,
        min(i.variant) as variant,
        min(i.model_creator) as model_creator,
        max_by(n.model_name, {seen: n.last_seen, source: n.source, id: n.source_model_id})
            as model_name,
        max(n.last_seen) as last_seen,
        coalesce(bool_or(n.last_seen = w.snapshot_ts), false) as listed
    from source_names as n
    inner join model_identity_map as i
        on n.source = i.source and n.source_model_id = i.source_model_id
    left join newest_pulls as w
        on n.source = w.source
    where i.canonical_model_key not in (select k.canonical_model_key from named as k)
    group by i.canonical_model_key
)

select
    n.canonical_model_key,
    n.base_model,
    n.variant,
    n.model_name,
    n.model_creator as provider,
    o.serving_host,
    o.offering_key,
    x.quality_index,
    x.coding_index,
    x.math_index,
    x.reasoning_index,
    x.agentic_index,
    x.writing_index,
    s.output_tokens_per_s,
    s.ttft_s,
    o.price_input_per_1m,
    o.price_output_per_1m,
    o.price_cached_input_per_1m,
    o.is_free,
    o.context_window,
    o.max_output_tokens,
    o.supports_tools,
    o.supports_vision,
    o.supports_structured_output,
    o.supports_reasoning,
    f.release_date,
    f.is_open_weights,
    o.is_deprecated,
    x.quality_index_source,
    x.coding_index_source,
    x.math_index_source,
    x.reasoning_index_source,
    x.agentic_index_source,
    x.writing_index_source,
    s.output_tokens_per_s_source,
    s.ttft_s_source,
    case when o.price_input_per_1m is not null then o.price_source end as price_input_per_1m_source,
    case when o.price_output_per_1m is not null then o.price_source end as price_output_per_1m_source,
    case when o.price_cached_input_per_1m is not null then o.price_source end
        as price_cached_input_per_1m_source,
    o.context_window_source,
    o.max_output_tokens_source,
    x.index_versions,
    true as listed,
    cast(null as timestamptz) as last_seen,
    n.snapshot_ts
from named as n
left join offerings_latest as o
    on n.base_model = o.base_model and o.is_creator_host
left join speeds as s
    on n.canonical_model_key = s.canonical_model_key
left join facts as f
    on n.base_model = f.base_model
left join indices as x
    on n.canonical_model_key = x.canonical_model_key

union all by name

select
    canonical_model_key,
    base_model,
    variant,
    model_name,
    model_creator as provider,
    listed,
    case when not listed then last_seen end as last_seen,
    last_seen as snapshot_ts
from silent;
