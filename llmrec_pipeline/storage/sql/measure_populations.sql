-- The frozen population of each measure: what the first accepted pull said that holds $minimum of
-- its values, or, where none holds so many, the first pull that holds any. Index columns stand
-- under their pull's index version, benchmarks under their own.
with held as (
    select
        *,
        category is null as has_version_of_pull
    from measures_held
    union all by name
    -- A category that stands for a column of ours is that measure besides.
    select
        h.source,
        h.observed_at,
        c.measure_column as name,
        cast(null as varchar) as category,
        h.index_version,
        cast(null as varchar) as unit,
        h.n,
        false as has_version_of_pull
    from measures_held as h
    inner join benchmark_columns as c
        on h.source = c.source and h.category = c.category
    where c.measure_column = 'writing_index'
),

first_pulls as (
    select
        h.source,
        h.name,
        h.category,
        case when h.has_version_of_pull then p.index_version else h.index_version end
            as index_version,
        h.unit,
        unnest(
            min_by(
                {snapshot_ts: p.snapshot_ts, place: p.place, content_hash: p.content_hash},
                {is_small: h.n < $minimum, snapshot_ts: p.snapshot_ts}
            )
        )
    from accepted_pulls as p
    inner join held as h
        on p.source = h.source and p.place = h.observed_at
    group by h.source, h.name, h.category, 4, h.unit
),

said as (
    select
        f.source,
        f.name,
        f.category,
        f.index_version,
        f.unit,
        f.snapshot_ts,
        f.content_hash,
        m.source_model_id,
        case f.name
            when 'quality_index' then m.quality_index
            when 'coding_index' then m.coding_index
            when 'math_index' then m.math_index
            when 'reasoning_index' then m.reasoning_index
            when 'agentic_index' then m.agentic_index
        end as value
    from first_pulls as f
    inner join bronze_models as m
        on f.source = m.source and f.place = m.observed_at
    where f.category is null and f.name <> 'writing_index'
    union all by name
    select
        f.source,
        f.name,
        f.category,
        f.index_version,
        f.unit,
        f.snapshot_ts,
        f.content_hash,
        b.source_model_id,
        b.score as value
    from first_pulls as f
    inner join bronze_benchmarks as b
        on
            f.source = b.source
            and f.place = b.observed_at
            and f.index_version is not distinct from b.index_version
    left join benchmark_columns as c
        on b.source = c.source and b.category = c.category
    where
        (f.name = b.benchmark_name and f.category = b.category and f.unit = b.unit)
        or (f.category is null and f.name = 'writing_index' and c.measure_column = f.name)
)

select
    s.source,
    s.name,
    s.category,
    s.index_version,
    s.unit,
    s.snapshot_ts,
    s.content_hash,
    i.canonical_model_key,
    s.value
from said as s
left join model_identity_map as i
    on s.source = i.source and s.source_model_id = i.source_model_id
where s.value is not null
order by all
