-- The days that a merge changes: those that get a row, and those that lose one. The merged day comes
-- first, so that whoever is killed meanwhile has lost no event.
SELECT DISTINCT day, day <> $day AS is_beside
FROM ranked
WHERE (place = 1 AND NOT was_there) OR (place > 1 AND was_there)
ORDER BY is_beside, day
