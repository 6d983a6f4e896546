-- Publications that send every table, or every table of the schema, and subscriptions that write to the table.
-- pg_publication_namespace is missing on PostgreSQL 14, hence pg_depend.
SELECT 'publication' AS kind,
       pg_catalog.format('%I (%s)', p.pubname,
                         CASE WHEN p.puballtables THEN 'FOR ALL TABLES' ELSE 'FOR TABLES IN SCHEMA' END) AS name
  FROM pg_catalog.pg_publication p
       JOIN pg_catalog.pg_class c ON c.oid = $1
 WHERE (p.puballtables AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p')
    OR EXISTS (SELECT FROM pg_catalog.pg_depend s
                      JOIN pg_catalog.pg_depend o ON o.classid = s.classid AND o.objid = s.objid
                WHERE s.classid = pg_catalog.to_regclass('pg_catalog.pg_publication_namespace')
                  AND s.refclassid = 'pg_catalog.pg_namespace'::regclass AND s.refobjid = c.relnamespace
                  AND o.refclassid = 'pg_catalog.pg_publication'::regclass AND o.refobjid = p.oid)
UNION
SELECT 'subscription', pg_catalog.quote_ident(s.subname)
  FROM pg_catalog.pg_subscription_rel r
       JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
 WHERE r.srrelid = $1
