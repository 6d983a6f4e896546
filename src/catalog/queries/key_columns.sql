-- One row per plain column of each unique index, with the equality of its operator class.
SELECT i.relname AS index_name,
       a.attname AS name,
       n.nspname AS operator_schema,
       o.oprname AS operator_symbol,
       coalesce(co.collisdeterministic, true) AND EXISTS (
           SELECT FROM pg_catalog.pg_amproc p
            WHERE p.amprocfamily = k.opcfamily AND p.amprocnum = 4
              AND p.amproclefttype = k.opcintype AND p.amprocrighttype = k.opcintype) AS bitwise
  FROM pg_catalog.pg_index x
       JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
       CROSS JOIN pg_catalog.generate_series(0, x.indnkeyatts - 1) AS place
       JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[place]
       JOIN pg_catalog.pg_opclass k ON k.oid = x.indclass[place]
       JOIN pg_catalog.pg_amop m
              ON m.amopfamily = k.opcfamily AND m.amopstrategy = 3 AND m.amoppurpose = 's'
             AND m.amoplefttype = k.opcintype AND m.amoprighttype = k.opcintype
       JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
       JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
       LEFT JOIN pg_catalog.pg_collation co ON co.oid = x.indcollation[place]
 WHERE x.indrelid = $1
   AND x.indisunique
   AND NOT x.indisexclusion
 ORDER BY i.relname, place
