-- What a person has to decide: names that no rule could join, and rows by which a publisher says
-- something of one model twice.
create or replace view model_identity_review as
select
    n.source,
    n.source_model_id,
    n.model_name,
    n.reason,
    p.proposal,
    left(sha256(n.source || chr(31) || n.source_model_id), 10) as review_id,
    p.score,
    p.evidence
from resolved_names as n
left join name_proposals as p
    on n.source = p.source and n.source_model_id = p.source_model_id
where n.canonical_model_key is null

union all by name

select
    source,
    source_model_id,
    model_name,
    'another row of its publisher for the same model; the values of ' || used_id || ' are used'
        as reason,
    canonical_model_key as proposal,
    left(sha256(source || chr(31) || source_model_id), 10) as review_id,
    used_id
from silver_doubles;
