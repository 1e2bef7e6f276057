-- What every measure says now: one row a model and measure.
with columns as (
    select
        canonical_model_key,
        source,
        measure_column as name,
        cast(null as varchar) as category,
        index_version,
        cast(null as varchar) as unit,
        value,
        cast(null as double) as stderr,
        true as verified,
        snapshot_ts
    from measures_latest
),

benchmarks as (
    select
        i.canonical_model_key,
        b.source,
        b.benchmark_name as name,
        b.category,
        b.index_version,
        b.unit,
        b.score as value,
        b.stderr,
        coalesce(b.verified, false) as verified,
        s.snapshot_ts
    from serving_benchmarks as b
    inner join silver_models as s
        on b.source = s.source and b.source_model_id = s.source_model_id
    inner join model_identity_map as i
        on b.source = i.source and b.source_model_id = i.source_model_id
    qualify
        row_number() over (
            partition by i.canonical_model_key, b.source, b.benchmark_name, b.category
            order by coalesce(s.is_deprecated, false), b.source_model_id
        ) = 1
)

select
    r.*,
    i.base_model
from (
    select * from columns
    union all by name
    select * from benchmarks
) as r
inner join (select distinct canonical_model_key, base_model from model_identity_map) as i
    on r.canonical_model_key = i.canonical_model_key
order by all
