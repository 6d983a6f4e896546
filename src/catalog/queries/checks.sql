SELECT k.conname AS name,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       k.connoinherit AS no_inherit,
       k.convalidated AS validated,
       d.description AS comment
  FROM pg_catalog.pg_constraint k
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objoid = k.oid
 WHERE k.conrelid = $1
   AND k.contype = 'c'
 ORDER BY k.conname
