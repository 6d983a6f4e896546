-- Back to phase A: copy = source at this moment, and from here on the change log says what differs.
SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
    {{ c.lock_source_share_row_exclusive.sql() }}
]);

{% include "fragment/sync_log.sql" %}
{% include "fragment/log_by_statement.sql" %}
CREATE OR REPLACE FUNCTION {{ c.names.sync_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    INSERT INTO {{ c.names.truncations.sql() }} DEFAULT VALUES;
    RETURN NULL;
END
$pgcleave$;
UPDATE {{ c.names.state.sql() }} SET switch_xid = NULL, verified_at = NULL, verified_mark = NULL;

{% include "fragment/record_sync_marks.sql" %}
