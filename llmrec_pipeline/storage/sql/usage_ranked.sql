-- Which row stands for each event. Rows of one event are told apart by what they say, never by when
-- they came, so that imports in any order end alike: the one that speaks of most calls (a day's
-- totals that have grown since), then the one that knows most (a call whose end was logged later),
-- then the one that began earlier (so that of a log read in two time zones all of one stands), then
-- by content. A user's hash is another in each installation and comes last: it tells rows apart that
-- say the same. {content} and {known} are expressions over the columns of an event.
create or replace temp table ranked as
with told_rows as (
    select rowid as told_row, source, event_id, was_there, calls, started_at, user_hash,
           {known} as known, {content} as content
    from told
)
select told_row, was_there, content,
       cast(started_at as date) as day,
       row_number() over best as place,
       first_value(content) over best as kept_content,
       bool_or(was_there) over (partition by source, event_id) as event_was_there
from told_rows
window best as (
    partition by source, event_id
    order by calls desc, known desc, started_at, content, user_hash, was_there desc
)
