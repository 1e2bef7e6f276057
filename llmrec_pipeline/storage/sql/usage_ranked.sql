-- Which row stands for each event of a day. Rows of one event are told apart by what they say, never
-- by when they came, so that imports in any order end alike: the one that speaks of most calls (a
-- day's totals that have grown since), then the one that knows most (a call whose end was logged
-- later), then by content. {content} and {known} are expressions over the columns of an event.
CREATE OR REPLACE TEMP TABLE ranked AS
WITH told_rows AS (
    SELECT rowid AS told_row, source, event_id, was_there, calls,
           {known} AS known, {content} AS content
    FROM told
)
SELECT told_row, was_there, content,
       row_number() OVER best AS place,
       first_value(content) OVER best AS kept_content,
       bool_or(was_there) OVER (PARTITION BY source, event_id) AS event_was_there
FROM told_rows
WINDOW best AS (
    PARTITION BY source, event_id
    ORDER BY calls DESC, known DESC, content, was_there DESC
)
