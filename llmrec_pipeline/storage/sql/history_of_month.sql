-- One month of history. The bounds on bronze rows come from the contents that the month needs, so
-- that DuckDB skips the rest.
select h.*
from models_history as h
where h.snapshot_ts >= $first and h.snapshot_ts < $following
