-- What a merge of a day comes to, in events, as `Merged` has it.
select count(*) filter (place = 1 and not event_was_there) as new,
       count(*) filter (place = 1 and event_was_there and not was_there) as updated,
       count(*) filter (place > 1 and not was_there) as duplicate,
       count(*) filter (place > 1 and not was_there and content <> kept_content) as differing
from ranked
