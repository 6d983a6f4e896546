SELECT k.conname AS name,
       n.nspname AS table_schema,
       t.relname AS table_name,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition
  FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class t ON t.oid = k.conrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE k.confrelid = $1
   AND k.contype = 'f'
   -- Those with a parent belong to a partitioned table's own bookkeeping.
   AND k.conparentid = 0
 ORDER BY k.conname, n.nspname, t.relname
