-- One row per index, constraints' indexes included.
SELECT i.relname AS name,
       k.contype::text AS constraint_type,
       coalesce(k.condeferrable, false) AS deferrable,
       coalesce(k.condeferred, false) AS initially_deferred,
       -- WITHOUT OVERLAPS (PostgreSQL 18) makes an exclusion of a key.
       x.indisexclusion AS exclusion,
       x.indisunique AS is_unique,
       x.indisvalid AND x.indisready AS valid,
       x.indisclustered AS clustered,
       x.indpred IS NOT NULL OR x.indexprs IS NOT NULL AS partial_or_expression,
       pg_catalog.pg_get_expr(x.indpred, x.indrelid) AS predicate,
       -- indnullsnotdistinct is missing before PostgreSQL 15.
       coalesce((pg_catalog.to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
       pg_catalog.pg_get_constraintdef(k.oid) AS constraint_definition,
       pg_catalog.pg_get_indexdef(x.indexrelid) AS definition,
       pg_catalog.substr(
           pg_catalog.pg_get_indexdef(x.indexrelid),
           1 + pg_catalog.length(pg_catalog.format(
               'CREATE %sINDEX %I ON %s%I.%I',
               CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname,
               CASE WHEN t.relkind = 'p' AND i.relkind = 'I' AND pg_catalog.pg_get_indexdef(x.indexrelid) LIKE
                         pg_catalog.format('CREATE %%INDEX %I ON ONLY %%', i.relname) THEN 'ONLY ' END,
               n.nspname, t.relname))) AS using,
       coalesce(i.reloptions, '{}') AS storage_parameters,
       s.spcname AS tablespace,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY c.place)
          FROM pg_catalog.unnest(x.indkey::smallint[]) WITH ORDINALITY AS c (attnum, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = c.attnum
         WHERE c.place > x.indnkeyatts) AS include,
       (SELECT pg_catalog.array_agg(a.attnum ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0) AS statistics_columns,
       (SELECT pg_catalog.array_agg(a.attstattarget::integer ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0) AS statistics_targets,
       kd.description AS constraint_comment,
       id.description AS comment,
       pg_catalog.pg_relation_size(x.indexrelid) AS bytes
  FROM pg_catalog.pg_index x
       JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
       JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
       LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = i.reltablespace
       LEFT JOIN pg_catalog.pg_constraint k
              ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')
       LEFT JOIN pg_catalog.pg_description kd
              ON kd.classoid = 'pg_catalog.pg_constraint'::regclass AND kd.objoid = k.oid
       LEFT JOIN pg_catalog.pg_description id
              ON id.classoid = 'pg_catalog.pg_class'::regclass AND id.objoid = i.oid AND id.objsubid = 0
 WHERE x.indrelid = $1
 ORDER BY i.relname
