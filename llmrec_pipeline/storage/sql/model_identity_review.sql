-- What a person has to decide: names that no rule could join, and rows by which a publisher says
-- something of one model twice.
create or replace view model_identity_review as
select
    source,
    source_model_id,
    model_name,
    reason,
    proposal
from resolved_names
where canonical_model_key is null

union all by name

select
    source,
    source_model_id,
    model_name,
    'another row of its publisher for the same model; the values of ' || used_id || ' are used'
        as reason,
    canonical_model_key as proposal
from silver_doubles;
