-- The days that a merge changes: those that get a row, and those that lose one. The merged day comes
-- first, so that whoever is killed meanwhile has lost no event.
select distinct day, day <> $day as is_beside
from ranked
where (place = 1 and not was_there) or (place > 1 and was_there)
order by is_beside, day
