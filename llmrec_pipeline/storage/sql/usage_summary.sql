-- Our calls by model, host and role. Costs are summed as decimals: the same in any order.
select provider_name,
       coalesce(response_model, request_model) as model_name,
       role,
       count(*) as events,
       cast(sum(calls) as bigint) as calls,
       cast(sum(calls) filter (status = 'error') as bigint) as errors,
       cast(sum(input_tokens) as bigint) as input_tokens,
       cast(sum(output_tokens) as bigint) as output_tokens,
       cast(sum(total_tokens) as bigint) as total_tokens,
       cast(sum(cast(cost_usd as decimal(38, 12))) as double) as logged_cost_usd,
       min(started_at) as first,
       max(started_at) as last,
       list_sort(list(distinct source)) as sources
from read_parquet($files, hive_partitioning = false)
group by all
order by calls desc, model_name, provider_name, role
