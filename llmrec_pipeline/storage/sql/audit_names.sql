-- What sources call each model, where they mean one.
select distinct unnest([source_model_id, model_name]) as name, canonical_model_key as model_id
from model_identity_map
where canonical_model_key is not null
order by all
