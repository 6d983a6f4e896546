-- PL/pgSQL keeps a compiled function in each session; one with a variable of the table's row type would fail
-- there until the session ends. Setting an attribute to what it is makes every session compile it again. No
-- lock is needed for that; only functions that this role may alter.
DO $pgcleave$
DECLARE
    routine record;
BEGIN
    FOR routine IN
        SELECT p.oid::regprocedure AS signature, p.prosecdef
          FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
         WHERE l.lanname = 'plpgsql' AND strpos(lower(p.prosrc), lower({{ c.names.source.name.literal().sql() }})) > 0
           AND pg_has_role(p.proowner, 'USAGE') AND p.proname <> ALL (ARRAY[{{ c.routine_names.sql() }}]::name[])
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
         ORDER BY p.oid
    LOOP
        BEGIN
            EXECUTE format('ALTER ROUTINE %s SECURITY %s', routine.signature, CASE WHEN routine.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END);
        EXCEPTION WHEN internal_error OR undefined_function OR lock_not_available THEN
            RAISE NOTICE 'the function % is being changed by somebody else: sessions that have it compiled may have to reconnect', routine.signature;
        END;
    END LOOP;
END
$pgcleave$;
