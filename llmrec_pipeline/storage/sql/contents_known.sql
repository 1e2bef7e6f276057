-- Where in bronze each content of these pulls stands: the newest place among them.
insert into contents
select
    source,
    content_hash,
    max(observed_at) as observed_at
from pull_records
where bronze is not null
group by source, content_hash
