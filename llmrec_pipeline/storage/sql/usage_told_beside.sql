-- The events of the days beside the merged one whose ids its import tells too.
INSERT INTO told BY NAME
SELECT *, TRUE AS was_there
FROM read_parquet($files, hive_partitioning = false)
SEMI JOIN (SELECT source, event_id FROM told WHERE NOT was_there) USING (source, event_id)
