-- The pulls that had been observed by one moment and had landed by another.
insert into pull_records
select *
from warehouse.pull_records
where
    observed_at <= $as_of
    and ($known_at is null or landed_at <= $known_at)
