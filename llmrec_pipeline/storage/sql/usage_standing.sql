-- The events of a day that stand after a merge, of those that it looked at.
select {columns} from told
where rowid in (select told_row from ranked where place = 1 and day = date '{day}')
