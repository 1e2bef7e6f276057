-- Every index value now, long form.
create or replace view measures_latest as
with long as (
    unpivot (
        select
            canonical_model_key,
            source,
            source_model_id,
            index_version,
            snapshot_ts,
            quality_index,
            coding_index,
            math_index,
            reasoning_index,
            agentic_index,
            writing_index
        from silver_models
        anti join silver_doubles using (source, source_model_id)
    )
    on quality_index, coding_index, math_index, reasoning_index, agentic_index, writing_index
    into name measure_column value value
)

select
    canonical_model_key,
    source,
    measure_column,
    index_version,
    value,
    source_model_id,
    snapshot_ts
from long
-- Several offerings of one model by one publisher say the same of it; the first id stands for all.
qualify
    row_number() over (
        partition by canonical_model_key, source, measure_column
        order by source_model_id
    ) = 1;
