SELECT k.conname AS name,
       pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), '( NO INHERIT)?( NOT VALID)?$', '') AS definition,
       pg_catalog.pg_get_expr(k.conbin, k.conrelid) AS condition,
       k.connoinherit AS no_inherit,
       k.convalidated AS validated,
       -- The column is there from PostgreSQL 18 on.
       coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true) AS enforced,
       d.description AS comment
  FROM pg_catalog.pg_constraint k
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objoid = k.oid
 WHERE k.conrelid = $1
   AND k.contype = 'c'
 ORDER BY k.conname
