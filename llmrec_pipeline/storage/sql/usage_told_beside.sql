-- The events of the days beside the merged one whose ids its import tells too.
insert into told by name
select *, true as was_there
from read_parquet($files, hive_partitioning = false)
semi join (select source, event_id from told where not was_there) using (source, event_id)
