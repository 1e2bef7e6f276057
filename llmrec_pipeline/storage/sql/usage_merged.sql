-- What a merge of a day comes to. The digest is the same for the same events, in whatever order.
SELECT count(*) FILTER (place = 1 AND NOT event_was_there) AS new,
       count(*) FILTER (place = 1 AND event_was_there AND NOT was_there) AS updated,
       count(*) FILTER (place > 1 AND NOT was_there) AS dropped,
       count(*) FILTER (place > 1 AND NOT was_there AND content <> kept_content) AS differing
FROM ranked
