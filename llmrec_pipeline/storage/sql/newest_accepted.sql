-- A source's newest accepted pull, and when its content was last seen again.
select
    a.snapshot_ts,
    a.content_hash,
    a.index_version,
    a.rows,
    max(v.snapshot_ts) as verified_at
from (
    select *
    from pulls
    where source = $source and status = 'accepted'
    order by snapshot_ts desc
    limit 1
) as a
inner join pulls as v
    on
        a.source = v.source
        and a.content_hash = v.content_hash
        and a.snapshot_ts <= v.snapshot_ts
group by all;
