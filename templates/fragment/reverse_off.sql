CREATE OR REPLACE FUNCTION {{ c.names.reverse.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- nothing to do before the cutover
END
$pgcleave$;
CREATE OR REPLACE FUNCTION {{ c.names.reverse_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- nothing to do before the cutover
END
$pgcleave$;
{%- if c.is_referenced() %}
CREATE OR REPLACE FUNCTION {{ c.names.note_moves.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    RETURN NEW; -- nothing to do before the cutover
END
$pgcleave$;
{%- endif %}
