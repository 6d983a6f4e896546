-- One row per element of each exclusion constraint, with its operator.
SELECT i.relname AS index_name,
       a.attname AS column_name,
       pg_catalog.pg_get_indexdef(x.indexrelid, e.place::integer, false) AS expression,
       n.nspname AS operator_schema,
       o.oprname AS operator_symbol
  FROM pg_catalog.pg_index x
       JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
       JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid
       CROSS JOIN pg_catalog.unnest(k.conexclop) WITH ORDINALITY AS e (operator, place)
       JOIN pg_catalog.pg_operator o ON o.oid = e.operator
       JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
       LEFT JOIN pg_catalog.pg_attribute a
              ON a.attrelid = x.indrelid AND a.attnum = x.indkey[e.place::integer - 1] AND a.attnum <> 0
 WHERE x.indrelid = $1
   AND x.indisexclusion
 ORDER BY i.relname, e.place
