-- What each model scored, one row a benchmark, category and version. Several names of one model by
-- one publisher say the same of it; the first that is not deprecated stands for all.
select
    i.canonical_model_key as model_id,
    b.source,
    b.benchmark_name,
    b.category,
    b.score,
    b.unit,
    coalesce(b.index_version, b.dataset_version) as dataset_version,
    coalesce(b.source_url, b.source) as source_url,
    b.observed_at as retrieved_at
from benchmark_results as b
inner join model_identity_map as i
    on b.source = i.source and b.source_model_id = i.source_model_id
inner join silver_models as s
    on b.source = s.source and b.source_model_id = s.source_model_id
where b.score is not null
qualify
    row_number() over (
        partition by i.canonical_model_key, b.source, b.benchmark_name, b.category
        order by coalesce(s.is_deprecated, false), b.source_model_id, b.score
    ) = 1
order by model_id, b.source, b.benchmark_name, b.category
