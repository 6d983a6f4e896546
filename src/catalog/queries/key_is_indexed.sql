-- Whether a btree index leads with the column, so that it serves min and max.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index x
           JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
           JOIN pg_catalog.pg_am m ON m.oid = i.relam AND m.amname = 'btree'
           JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
     WHERE n.nspname = $1
       AND c.relname = $2
       AND a.attname = $3
       AND x.indisvalid
       AND x.indpred IS NULL) AS indexed
