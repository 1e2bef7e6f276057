-- What the publisher last called each of its models, from the accepted pulls since a moment. A
-- value that the last of them lacks is lacking, whatever earlier ones said.
insert into source_names
with accepted as (
    select
        snapshot_ts,
        place
    from accepted_pulls
    where source = $source and snapshot_ts >= coalesce($since, timestamptz '-infinity')
)

select
    b.source,
    b.source_model_id,
    arg_max_null(b.model_name, a.snapshot_ts),
    arg_max_null(b.creator, a.snapshot_ts),
    arg_max_null(b.host, a.snapshot_ts),
    arg_max_null(b.release_date, a.snapshot_ts),
    arg_max_null(b.same_as, a.snapshot_ts),
    max(a.snapshot_ts)
from accepted as a
inner join bronze_models as b
    on a.place = b.observed_at
where
    b.source = $source
    -- The bounds let DuckDB skip what these pulls do not need.
    and b.observed_at >= (select min(place) from accepted)
    and b.observed_at <= (select max(place) from accepted)
group by b.source, b.source_model_id
on conflict do update set
    model_name = excluded.model_name,
    creator = excluded.creator,
    host = excluded.host,
    release_date = excluded.release_date,
    same_as = excluded.same_as,
    last_seen = excluded.last_seen;
