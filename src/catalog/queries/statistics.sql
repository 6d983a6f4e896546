-- Extended statistics; the definition names the schema, which may be another.
SELECT s.stxname AS name,
       pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition,
       d.description AS comment
  FROM pg_catalog.pg_statistic_ext s
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_statistic_ext'::regclass AND d.objoid = s.oid
 WHERE s.stxrelid = $1
 ORDER BY s.stxname, s.oid
