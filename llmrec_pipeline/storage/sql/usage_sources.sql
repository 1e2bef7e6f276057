-- By kind of log, what it told.
SELECT source, count(*) AS events, CAST(sum(calls) AS BIGINT) AS calls,
       min(started_at) AS first, max(started_at) AS last
FROM read_parquet($files, hive_partitioning = false)
GROUP BY source
ORDER BY source
