-- NOT NULL is a constraint with a name from PostgreSQL 18 on; no rows before.
SELECT k.conname AS name,
       a.attname AS column_name,
       k.connoinherit AS no_inherit,
       k.convalidated AS validated,
       d.description AS comment
  FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objoid = k.oid
 WHERE k.conrelid = $1
   AND k.contype = 'n'
 ORDER BY a.attnum
