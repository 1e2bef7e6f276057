-- Rows by which a publisher says something of one model, at one host's id, more than once. The one
-- that is not retired, has a price and comes first by id is used, as a whole, whatever the order of
-- rows.
create or replace view silver_doubles as
select
    source,
    source_model_id,
    model_name,
    canonical_model_key,
    first_value(source_model_id) over same_model as used_id
from silver_models
window same_model as (
    partition by source, canonical_model_key, offering_key
    order by coalesce(is_deprecated, false), price_input_per_1m is null, source_model_id
)
qualify row_number() over same_model > 1;
