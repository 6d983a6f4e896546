DO $pgcleave$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(v.name, ', ') INTO missing
      FROM unnest(ARRAY[{% for view in c.materialized_views %}{{ view.copy.literal().sql() }}{% if !loop.last %}, {% endif %}{% endfor %}]::text[],
                  ARRAY[{% for view in c.materialized_views %}{% if view.populated %}true{% else %}false{% endif %}{% if !loop.last %}, {% endif %}{% endfor %}]) AS v (name, populated)
     WHERE NOT EXISTS (SELECT FROM pg_class m
                        WHERE m.oid = to_regclass(v.name) AND m.relkind = 'm' AND m.relispopulated = v.populated);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = 'materialized views missing on the copy, or not populated: ' || missing;
    END IF;
END
$pgcleave$;
