-- Their content becomes that of this moment. What an earlier cutover left of them is older.
{%- for view in c.materialized_views.iter().rev() %}
DROP MATERIALIZED VIEW IF EXISTS {{ view.copy.sql() }};
{%- endfor %}
{%- for view in c.materialized_views %}

{{ view.create.sql() }};
ALTER MATERIALIZED VIEW {{ view.copy.sql() }} OWNER TO {{ view.owner.sql() }};
{%- for setting in view.settings %}
{{ setting.sql() }};
{%- endfor %}
DO $pgcleave$
DECLARE
    copy CONSTANT regclass := {{ view.copy.literal().sql() }};
    -- What the old one reads and what the new one must read instead.
    old CONSTANT oid[] := ARRAY[{{ c.names.source.literal().sql() }}{% for other in c.materialized_views %}, {{ other.name.literal().sql() }}{% endfor %}]::text[]::regclass[]::oid[];
    new CONSTANT oid[] := ARRAY(SELECT coalesce(to_regclass(name)::oid, 0) FROM unnest(ARRAY[{{ c.names.copy.literal().sql() }}{% for other in c.materialized_views %}, {{ other.copy.literal().sql() }}{% endfor %}]::text[]) WITH ORDINALITY AS n (name, place) ORDER BY place);
    grantee oid;
BEGIN
    IF EXISTS (
        WITH reads AS (
            SELECT r.ev_class = copy AS is_new, d.refclassid,
                   CASE WHEN d.refclassid = 'pg_class'::regclass AND r.ev_class <> copy
                        THEN coalesce(new[array_position(old, d.refobjid)], d.refobjid) ELSE d.refobjid END AS refobjid,
                   (SELECT attname FROM pg_attribute a
                     WHERE d.refclassid = 'pg_class'::regclass AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid) AS attname
              FROM pg_rewrite r
                   JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid <> 'pg_constraint'::regclass
             WHERE r.ev_class IN (copy, {{ view.name.literal().sql() }}::regclass)
        )
        SELECT FROM reads GROUP BY refclassid, refobjid, attname HAVING count(DISTINCT is_new) <> 2
    ) OR EXISTS (
        SELECT FROM pg_attribute WHERE attnum > 0 AND attrelid IN (copy, {{ view.name.literal().sql() }}::regclass)
         GROUP BY attnum, attname, atttypid, atttypmod, attcollation HAVING count(*) <> 2
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'the materialized view ' || {{ view.name.literal().sql() }} || ' could not be made to read the copy',
            HINT = 'roll back, drop it, generate again, and create it again after the cutover; please report its definition';
    END IF;
    -- What ALTER DEFAULT PRIVILEGES gave it, nobody asked for.
    FOR grantee IN SELECT DISTINCT a.grantee FROM pg_class t, aclexplode(t.relacl) a WHERE t.oid = copy AND a.grantee <> t.relowner LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', copy,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END);
    END LOOP;
END
$pgcleave$;
{%- for grant in view.grants %}
{{ grant.sql() }};
{%- endfor %}
{%- if view.populated %}
REFRESH MATERIALIZED VIEW {{ view.copy.sql() }};
ANALYZE {{ view.copy.sql() }};
{%- endif %}
{%- endfor %}

DO $pgcleave$
BEGIN
    UPDATE {{ c.names.state.sql() }} SET materialized_views_built = true WHERE switch_xid IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy is not kept in step', HINT = 'run the steps before this one first';
    END IF;
END
$pgcleave$;
