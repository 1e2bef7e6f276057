-- Months of history that hold a name whose meaning has changed. A name that came or went with the
-- pulls has had its months noted when they were judged; where the rules are others, its publisher
-- may have been added or removed, so that it counts too.
with rekeyed as (
    select
        coalesce(b.source, r.source) as source,
        coalesce(b.source_model_id, r.source_model_id) as source_model_id
    from names_before as b
    full join resolved_names as r
        on b.source = r.source and b.source_model_id = r.source_model_id
    where
        ($rules_changed or (b.source is not null and r.source is not null))
        and (
            b.canonical_model_key is distinct from r.canonical_model_key
            or b.model_creator is distinct from r.model_creator
            or b.serving_host is distinct from r.serving_host
            or b.offering_key is distinct from r.offering_key
            or b.identity_method is distinct from r.identity_method
        )
)

select distinct strftime(p.snapshot_ts, '%Y-%m') as month
from rekeyed as k
inner join bronze_models as m
    on k.source = m.source and k.source_model_id = m.source_model_id
inner join accepted_pulls as p
    on m.source = p.source and m.observed_at = p.place
