-- Prices on which sources differ: what each source says of the offering that is used, else of its
-- own plainest offering at the same host, beside the price that is used. Nothing is averaged.
create or replace view price_conflicts as
with told as (
    select
        o.*,
        u.offering_key as used_offering_key,
        u.price_source as used_source,
        u.price_input_per_1m as used_input,
        u.price_output_per_1m as used_output,
        u.price_cached_input_per_1m as used_cached
    from model_offerings as o
    inner join offerings_latest as u
        on o.base_model = u.base_model and o.serving_host = u.serving_host
    where
        o.source <> u.price_source
        -- What a host gives away, or no longer sells, is another offering and no other opinion.
        and not coalesce(o.is_free, false)
        and not coalesce(u.is_free, false)
        and not coalesce(o.is_deprecated, false)
    qualify
        row_number() over (
            partition by o.base_model, o.serving_host, o.source
            order by
                o.offering_key <> u.offering_key,
                length(o.offering_key),
                o.offering_key
        ) = 1
),

pairs as (
    select
        t.*,
        unnest([
            {name: 'price_input_per_1m', used: used_input, other: price_input_per_1m},
            {name: 'price_output_per_1m', used: used_output, other: price_output_per_1m},
            {name: 'price_cached_input_per_1m', used: used_cached, other: price_cached_input_per_1m}
        ]) as pair
    from told as t
)

select
    base_model,
    serving_host,
    pair.name as price_column,
    used_offering_key as offering_key,
    used_source,
    pair.used as used_price,
    source,
    offering_key as source_offering_key,
    pair.other as price,
    -- Rounded, or a price that is just the share off would count by a double's last digit.
    round(pair.other / pair.used - 1, 9) as difference
from pairs
where
    pair.used > 0
    and pair.other is not null
    and abs(difference) > (select value from thresholds where name = 'price_conflict');
