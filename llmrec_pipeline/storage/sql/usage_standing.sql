-- The events of a day that stand after a merge, of those that it looked at.
SELECT {columns} FROM told
WHERE rowid IN (SELECT told_row FROM ranked WHERE place = 1 AND day = DATE '{day}')
