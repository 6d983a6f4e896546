-- The table's row-level security policies.
SELECT p.polname AS name,
       p.polpermissive AS permissive,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                     ELSE 'ALL' END AS command,
       (SELECT pg_catalog.array_agg(a.rolname::text ORDER BY r.place)
          FROM pg_catalog.unnest(p.polroles) WITH ORDINALITY AS r (oid, place)
               LEFT JOIN pg_catalog.pg_roles a ON a.oid = r.oid) AS roles,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using_expression,
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check_expression,
       d.description AS comment
  FROM pg_catalog.pg_policy p
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_policy'::regclass AND d.objoid = p.oid
 WHERE p.polrelid = $1
 ORDER BY p.polname
