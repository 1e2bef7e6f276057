-- Which row stands for each event. Rows of one event are told apart by what they say, never by when
-- they came, so that imports in any order end alike: the one that speaks of most calls (a day's
-- totals that have grown since), then the one that knows most (a call whose end was logged later),
-- then the one that began earlier (so that of a log read in two time zones all of one stands), then
-- by content. A user's hash is another in each installation and comes last: it tells rows apart that
-- say the same. {content} and {known} are expressions over the columns of an event.
CREATE OR REPLACE TEMP TABLE ranked AS
WITH told_rows AS (
    SELECT rowid AS told_row, source, event_id, was_there, calls, started_at, user_hash,
           {known} AS known, {content} AS content
    FROM told
)
SELECT told_row, was_there, content,
       CAST(started_at AS DATE) AS day,
       row_number() OVER best AS place,
       first_value(content) OVER best AS kept_content,
       bool_or(was_there) OVER (PARTITION BY source, event_id) AS event_was_there
FROM told_rows
WINDOW best AS (
    PARTITION BY source, event_id
    ORDER BY calls DESC, known DESC, started_at, content, user_hash, was_there DESC
)
