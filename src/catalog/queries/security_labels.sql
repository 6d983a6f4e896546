-- Security labels of the table and its columns.
SELECT l.provider,
       l.label,
       a.attname AS column_name
  FROM pg_catalog.pg_seclabel l
       LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid AND l.objsubid > 0
 WHERE l.classoid = 'pg_catalog.pg_class'::regclass
   AND l.objoid = $1
 ORDER BY l.objsubid, l.provider
