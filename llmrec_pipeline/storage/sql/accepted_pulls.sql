-- Accepted pulls, and where in bronze the rows of each stand: under its own moment, or, where it
-- landed as a repetition, under the newest pull with the same content.
create or replace view accepted_pulls as
select
    p.source,
    p.snapshot_ts,
    p.content_hash,
    p.index_version,
    case when r.bronze is null then c.observed_at else p.snapshot_ts end as place
from pulls as p
inner join pull_records as r
    on p.source = r.source and p.snapshot_ts = r.observed_at
inner join contents as c
    on p.source = c.source and p.content_hash = c.content_hash
where p.status = 'accepted';
