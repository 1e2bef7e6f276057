-- Models that are listed and priced and have a quality by the publisher that measures most of them,
-- best first: values of one measure, fit to be compared.
with measured as (
    select
        canonical_model_key as model,
        quality_index as quality,
        price_input_per_1m as usd_per_1m,
        quality_index_source as source,
        count(*) over (partition by quality_index_source) as models
    from models_latest
    where listed and quality_index is not null and price_input_per_1m > 0
)

select model, quality, usd_per_1m, source
from measured
qualify dense_rank() over (order by models desc, source) = 1
order by quality desc, usd_per_1m, model
