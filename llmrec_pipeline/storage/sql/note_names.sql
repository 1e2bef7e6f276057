-- What the publisher last called each of its models, from the accepted pulls since a moment.
insert into source_names
with accepted as (
    select
        p.snapshot_ts,
        c.observed_at
    from pulls as p
    inner join contents as c
        on p.source = c.source and p.content_hash = c.content_hash
    where
        p.source = $source
        and p.status = 'accepted'
        and p.snapshot_ts >= coalesce($since, timestamptz '-infinity')
)

select
    b.source,
    b.source_model_id,
    max_by(b.model_name, a.snapshot_ts),
    max_by(b.creator, a.snapshot_ts),
    max_by(b.host, a.snapshot_ts),
    max_by(b.release_date, a.snapshot_ts),
    max(a.snapshot_ts)
from accepted as a
inner join bronze_models as b
    on a.observed_at = b.observed_at
where
    b.source = $source
    -- The bound lets DuckDB skip what is older than the oldest content needed.
    and b.observed_at >= (select min(observed_at) from accepted)
group by b.source, b.source_model_id
on conflict do update set
    model_name = excluded.model_name,
    creator = excluded.creator,
    host = excluded.host,
    release_date = excluded.release_date,
    last_seen = excluded.last_seen;
