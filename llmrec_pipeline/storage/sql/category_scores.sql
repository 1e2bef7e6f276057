-- What every publisher says now of every model: index columns and benchmark results, long form.
select
    source as publisher,
    canonical_model_key,
    measure_column as score_column,
    null as benchmark,
    null as category,
    'index' as unit,
    value,
    index_version,
    true as verified,
    snapshot_ts as observed_at
from measures_latest

union all by name

select
    b.source as publisher,
    s.canonical_model_key,
    null as score_column,
    b.benchmark_name as benchmark,
    b.category,
    b.unit,
    b.score as value,
    b.index_version,
    b.verified,
    b.observed_at
from serving_benchmarks as b
inner join silver_models as s
    on b.source = s.source and b.source_model_id = s.source_model_id
anti join silver_doubles as d
    on b.source = d.source and b.source_model_id = d.source_model_id
order by all
