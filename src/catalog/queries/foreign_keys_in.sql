SELECT k.conname AS name,
       n.nspname AS table_schema,
       t.relname AS table_name,
       t.relkind = 'p' AS table_is_partitioned,
       pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition,
       i.relname AS referenced_key,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY c.place)
          FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS c (attnum, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum) AS columns,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY c.place)
          FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS c (attnum, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.attnum) AS referenced_columns,
       k.confdeltype::text AS on_delete,
       k.confupdtype::text AS on_update,
       k.convalidated AS validated,
       d.description AS comment
  FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class t ON t.oid = k.conrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
       JOIN pg_catalog.pg_class i ON i.oid = k.conindid
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objoid = k.oid
 WHERE k.confrelid = $1
   AND k.contype = 'f'
   -- Those with a parent belong to a partitioned table's own bookkeeping.
   AND k.conparentid = 0
 ORDER BY k.conname, n.nspname, t.relname
