-- Phase A: appends the touched keys to the change log. Never an image of the row: the source is read
-- again when the log is drained.
CREATE OR REPLACE FUNCTION {{ c.names.sync.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {{ c.names.log.sql() }} VALUES ({{ c.log_columns.of("NEW") }});
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {{ c.names.log.sql() }} VALUES ({{ c.log_columns.of("OLD") }});
    ELSIF {{ c.row_key.equal("OLD", "NEW") }} THEN
        INSERT INTO {{ c.names.log.sql() }} VALUES ({{ c.log_columns.of("NEW") }});
    ELSE
        INSERT INTO {{ c.names.log.sql() }} VALUES ({{ c.log_columns.of("OLD") }}), ({{ c.log_columns.of("NEW") }});
    END IF;
    RETURN NULL;
END
$pgcleave$;
