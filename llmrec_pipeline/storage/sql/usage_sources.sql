-- By kind of log, what it told.
select source, count(*) as events, cast(sum(calls) as bigint) as calls,
       min(started_at) as first, max(started_at) as last
from read_parquet($files, hive_partitioning = false)
group by source
order by source
