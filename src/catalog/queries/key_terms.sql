-- One row per key column or expression of each unique index, with the equality of its operator class.
SELECT i.relname AS index_name,
       a.attname AS column_name,
       pg_catalog.pg_get_indexdef(x.indexrelid, place + 1, false) AS expression,
       n.nspname AS operator_schema,
       o.oprname AS operator_symbol,
       pg_catalog.format('%I.%I', kn.nspname, k.opcname) AS operator_class,
       CASE WHEN co.oid IS NOT NULL THEN pg_catalog.format('%I.%I', cn.nspname, co.collname) END AS collation
  FROM pg_catalog.pg_index x
       JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
       CROSS JOIN pg_catalog.generate_series(0, x.indnkeyatts - 1) AS place
       LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[place] AND a.attnum <> 0
       JOIN pg_catalog.pg_opclass k ON k.oid = x.indclass[place]
       JOIN pg_catalog.pg_namespace kn ON kn.oid = k.opcnamespace
       JOIN pg_catalog.pg_amop m
              ON m.amopfamily = k.opcfamily AND m.amopstrategy = 3 AND m.amoppurpose = 's'
             AND m.amoplefttype = k.opcintype AND m.amoprighttype = k.opcintype
       JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
       JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
       LEFT JOIN pg_catalog.pg_collation co ON co.oid = x.indcollation[place]
       LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
 WHERE x.indrelid = $1
   AND x.indisunique
   AND NOT x.indisexclusion
 ORDER BY i.relname, place
