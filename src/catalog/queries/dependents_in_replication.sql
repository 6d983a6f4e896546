-- Publications that send the table and subscriptions that write to it.
-- pg_publication_namespace is missing on PostgreSQL 14, hence the view.
SELECT 'publication' AS kind,
       pg_catalog.format(
           '%I (%s)', p.pubname,
           CASE WHEN p.puballtables THEN 'FOR ALL TABLES'
                WHEN l.prrelid IS NOT NULL THEN 'FOR TABLE'
                ELSE 'FOR TABLES IN SCHEMA' END) AS name
  FROM pg_catalog.pg_publication p
       JOIN pg_catalog.pg_class c ON c.oid = $1
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_publication_rel l ON l.prpubid = p.oid AND l.prrelid = c.oid
 WHERE l.prrelid IS NOT NULL
    OR (p.puballtables AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p')
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_tables t
                WHERE t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname)
UNION
SELECT 'subscription', pg_catalog.quote_ident(s.subname)
  FROM pg_catalog.pg_subscription_rel r
       JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
 WHERE r.srrelid = $1
