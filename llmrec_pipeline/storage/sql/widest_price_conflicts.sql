-- The five prices on which two sources differ most, short enough for the UI.
select
    offering_key as offering,
    regexp_extract(price_column, '^price_(.*)_per_1m$', 1) as price,
    format('{:g} {}', used_price, used_source) as used,
    format('{:g} {}', price, source) as other,
    format('{:+.0f} %', 100 * difference) as difference
from price_conflicts
order by abs(price_conflicts.difference) desc, offering_key, price_column, source
limit 5
