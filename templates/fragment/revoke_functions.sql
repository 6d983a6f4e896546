-- Nobody but the owner may call them or put one on a table of their own; firing a trigger needs no right.
DO $pgcleave$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT p.oid::regprocedure AS routine, a.grantee
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.pronamespace = {{ c.schema_literal().sql() }}::regnamespace AND a.grantee <> p.proowner
           AND p.proname = ANY (ARRAY[{{ c.routine_names.sql() }}]::name[])
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', granted.routine,
            CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
    END LOOP;
END
$pgcleave$;
