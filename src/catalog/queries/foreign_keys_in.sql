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
       (SELECT pg_catalog.array_agg(n.nspname::text ORDER BY e.place)
          FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS e (oid, place)
               JOIN pg_catalog.pg_operator o ON o.oid = e.oid
               JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace) AS equal_schemas,
       (SELECT pg_catalog.array_agg(o.oprname::text ORDER BY e.place)
          FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS e (oid, place)
               JOIN pg_catalog.pg_operator o ON o.oid = e.oid) AS equal_symbols,
       k.confmatchtype = 'f' AS match_full,
       k.confdeltype::text AS on_delete,
       k.confupdtype::text AS on_update,
       -- The column is there from PostgreSQL 15 on.
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
          FROM pg_catalog.jsonb_array_elements_text(
                   nullif(pg_catalog.to_jsonb(k) -> 'confdelsetcols', 'null')) AS c (attnum)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum::int) AS on_delete_columns,
       k.condeferrable AS deferrable,
       k.condeferred AS initially_deferred,
       k.convalidated AS validated,
       -- From PostgreSQL 18 on.
       coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true) AS enforced,
       d.description AS comment,
       pg_catalog.pg_get_userbyid(t.relowner) AS table_owner,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = t.oid AND NOT a.attisdropped) AS table_columns,
       (SELECT pg_catalog.array_agg(g.tgname::text ORDER BY g.tgname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_trigger g
         WHERE g.tgrelid = t.oid AND NOT g.tgisinternal) AS table_triggers
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
