-- Our calls by model, host and role. Costs are summed as decimals: the same in any order.
SELECT provider_name,
       coalesce(response_model, request_model) AS model_name,
       role,
       count(*) AS events,
       CAST(sum(calls) AS BIGINT) AS calls,
       CAST(sum(calls) FILTER (status = 'error') AS BIGINT) AS errors,
       CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
       CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
       CAST(sum(total_tokens) AS BIGINT) AS total_tokens,
       CAST(sum(CAST(cost_usd AS DECIMAL(38, 12))) AS DOUBLE) AS logged_cost_usd,
       min(started_at) AS first,
       max(started_at) AS last,
       list_sort(list(DISTINCT source)) AS sources
FROM read_parquet($files, hive_partitioning = false)
GROUP BY ALL
ORDER BY calls DESC, model_name, provider_name, role
