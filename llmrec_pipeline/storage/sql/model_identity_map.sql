-- Names that mean a model.
create or replace view model_identity_map as
select
    source,
    source_model_id,
    model_name,
    canonical_model_key,
    base_model,
    variant,
    model_creator,
    serving_host,
    offering_key,
    identity_method,
    confidence
from resolved_names
where canonical_model_key is not null;
