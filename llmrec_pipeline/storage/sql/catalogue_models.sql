-- What the sources know of each model, for the catalogue.
select
    canonical_model_key as model_id,
    provider,
    model_name as display_name,
    context_window as context_window_tokens,
    release_date,
    coalesce(is_deprecated, false) as is_deprecated,
    listed as is_listed
from models_latest
order by model_id
