-- One month of pulls, but the unchanged ones: an edition stays the same however often its content
-- is seen again.
select *
from pulls
where snapshot_ts >= $first and snapshot_ts < $following and status <> 'unchanged'
