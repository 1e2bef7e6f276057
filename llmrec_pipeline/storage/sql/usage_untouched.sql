-- The events of a file that a merge did not look at.
select {columns} from read_parquet('{file}', hive_partitioning = false)
anti join told using (source, event_id)
