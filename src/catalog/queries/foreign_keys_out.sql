SELECT k.conname AS name,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY c.place)
          FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS c (attnum, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum) AS columns,
       n.nspname AS referenced_schema,
       r.relname AS referenced_name,
       r.relpersistence::text AS referenced_persistence,
       pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition,
       k.convalidated AS validated,
       k.condeferrable AS deferrable,
       -- The column is there from PostgreSQL 18 on.
       coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true) AS enforced,
       d.description AS comment
  FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objoid = k.oid
 WHERE k.conrelid = $1
   AND k.contype = 'f'
   -- Those with a parent belong to a partitioned table's own bookkeeping.
   AND k.conparentid = 0
 ORDER BY k.conname
