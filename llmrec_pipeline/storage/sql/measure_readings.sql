-- What every measure says now: one row a model and measure. The error of an index that is one
-- category of a board is that category's.
with columns as (
    select
        m.canonical_model_key,
        m.source,
        m.measure_column as name,
        cast(null as varchar) as category,
        m.index_version,
        cast(null as varchar) as unit,
        m.value,
        b.stderr,
        true as verified,
        m.snapshot_ts
    from measures_latest as m
    left join benchmark_columns as c
        on m.source = c.source and m.measure_column = c.measure_column
    left join serving_benchmarks as b
        on
            m.source = b.source
            and m.source_model_id = b.source_model_id
            and c.category = b.category
    qualify
        row_number() over (
            partition by m.canonical_model_key, m.source, m.measure_column
            order by b.benchmark_name, b.category
        ) = 1
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
