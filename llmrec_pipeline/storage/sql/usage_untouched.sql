-- The events of a file that a merge did not look at.
SELECT {columns} FROM read_parquet('{file}', hive_partitioning = false)
ANTI JOIN told USING (source, event_id)
