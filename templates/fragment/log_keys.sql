-- Phase A, for whole statements: what the row trigger does, at a fraction of the price where a statement changes many
-- rows. UNION, which takes out duplicates, is safe in a plan that was made for one row and then is used for millions.
CREATE OR REPLACE FUNCTION {{ c.names.log_keys.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {{ c.names.log.sql() }} SELECT {{ c.log_columns.of("n") }} FROM pgcleave_new n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {{ c.names.log.sql() }} SELECT {{ c.log_columns.of("o") }} FROM pgcleave_old o;
    ELSE
        INSERT INTO {{ c.names.log.sql() }}
        SELECT {{ c.log_columns.of("o") }} FROM pgcleave_old o UNION SELECT {{ c.log_columns.of("n") }} FROM pgcleave_new n;
    END IF;
    RETURN NULL;
END
$pgcleave$;
