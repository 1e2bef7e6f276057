-- What each model costs at its creator's host, USD per 1M tokens, with the source that tells it. A
-- source that does not say since when is taken to speak of the moment at which it was asked.
select
    m.canonical_model_key as model_id,
    m.price_input_per_1m,
    m.price_output_per_1m,
    m.price_cached_input_per_1m,
    min(s.price_tiers) as price_tiers,
    m.price_input_per_1m_source as source,
    min(s.source_url) as source_url,
    coalesce(min(s.effective_at), min(s.snapshot_ts)) as effective_at,
    min(s.snapshot_ts) as retrieved_at
from models_latest as m
inner join silver_models as s
    on m.offering_key = s.offering_key and m.price_input_per_1m_source = s.source
where m.listed and m.price_input_per_1m is not null and m.price_output_per_1m is not null
group by all
order by model_id
