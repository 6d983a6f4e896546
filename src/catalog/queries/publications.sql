-- Publications FOR TABLE that have the table. Column lists and row filters exist from PostgreSQL 15 on.
SELECT pg_catalog.jsonb_build_object(
           'name', p.pubname,
           'via_partition_root', p.pubviaroot,
           'sends_identity', p.pubupdate OR p.pubdelete,
           'columns', CASE WHEN pg_catalog.to_jsonb(l) ->> 'prattrs' IS NOT NULL
                           THEN pg_catalog.to_jsonb(t) -> 'attnames' END,
           'filter', pg_catalog.to_jsonb(t) ->> 'rowfilter',
           'other_partitioned', (
               SELECT coalesce(pg_catalog.jsonb_agg(o.oid::regclass::text ORDER BY o.oid::regclass::text), '[]')
                 FROM pg_catalog.pg_publication_rel r
                      JOIN pg_catalog.pg_class o ON o.oid = r.prrelid AND o.relkind = 'p' AND o.oid <> $1
                WHERE r.prpubid = p.oid))::text AS facts
  FROM pg_catalog.pg_publication_rel l
       JOIN pg_catalog.pg_publication p ON p.oid = l.prpubid
       JOIN pg_catalog.pg_class c ON c.oid = l.prrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_publication_tables t
              ON t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname
 WHERE l.prrelid = $1
 ORDER BY p.pubname
