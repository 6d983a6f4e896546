{% include "fragment/unschedule.sql" %}
DROP PROCEDURE {{ c.names.work.sql() }}();
-- In the order in which a batch that is under way locks them.
SELECT {{ c.names.lock.sql() }}({{ c.names.copy.literal().sql() }}, ARRAY[
    {{ c.lock_segments_access_exclusive.sql() }},
    {{ c.lock_copy_access_exclusive.sql() }}
]);
TRUNCATE {{ c.names.copy.sql() }};
TRUNCATE {{ c.names.segments.sql() }};
UPDATE {{ c.names.state.sql() }} SET source_filenode = NULL, count_milliseconds = NULL;
