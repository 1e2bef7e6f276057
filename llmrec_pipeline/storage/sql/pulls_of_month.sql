-- One month of pulls, whatever became of them.
select *
from pulls
where snapshot_ts >= $first and snapshot_ts < $following
order by source, snapshot_ts
