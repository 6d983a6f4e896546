SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
    {{ c.lock_source_access_exclusive.sql() }}
]);
DROP TRIGGER pgcleave_guard ON {{ c.names.source.sql() }};
DROP TRIGGER pgcleave_log_insert ON {{ c.names.source.sql() }};
DROP TRIGGER pgcleave_log_update ON {{ c.names.source.sql() }};
DROP TRIGGER pgcleave_log_delete ON {{ c.names.source.sql() }};
DROP TRIGGER pgcleave_sync ON {{ c.names.source.sql() }};
DROP TRIGGER pgcleave_sync_truncate ON {{ c.names.source.sql() }};
DROP FUNCTION {{ c.names.check.sql() }}();
DROP FUNCTION {{ c.names.guard.sql() }}();
DROP FUNCTION {{ c.names.sync_truncate.sql() }}();
DROP FUNCTION {{ c.names.sync.sql() }}();
DROP FUNCTION {{ c.names.log_keys.sql() }}();
{% include "fragment/drop_tables.sql" %}
