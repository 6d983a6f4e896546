-- Tables, types and transactions that hang on the table, or that it hangs on.
SELECT 'inheritance_parent' AS kind, pg_catalog.format('%I.%I', n.nspname, p.relname) AS name
  FROM pg_catalog.pg_inherits h
       JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
       JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
 WHERE h.inhrelid = $1
UNION
-- A partitioned table's own partitions aren't dependents.
SELECT 'inheritance_child', pg_catalog.format('%I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_inherits h
       JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid AND NOT c.relispartition
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE h.inhparent = $1
UNION
SELECT 'typed_table', pg_catalog.format_type(c.reloftype, NULL)
  FROM pg_catalog.pg_class c
 WHERE c.oid = $1
   AND c.reloftype <> 0
UNION
SELECT 'extension', e.extname::text
  FROM pg_catalog.pg_depend d
       JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
 WHERE d.classid = 'pg_catalog.pg_class'::regclass
   AND d.objid = $1
   AND d.refclassid = 'pg_catalog.pg_extension'::regclass
   AND d.deptype = 'e'
UNION
-- A right that somebody else passed on: only that role could give it again.
SELECT 'passed_on_grant', pg_catalog.format('%s to %s, granted by %s', a.privilege_type,
                                            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
                                            pg_catalog.pg_get_userbyid(a.grantor))
  FROM pg_catalog.pg_class c
       CROSS JOIN LATERAL (SELECT c.relacl AS acl
                           UNION ALL
                           SELECT t.attacl FROM pg_catalog.pg_attribute t WHERE t.attrelid = c.oid AND NOT t.attisdropped) l
       CROSS JOIN LATERAL pg_catalog.aclexplode(l.acl) a
 WHERE c.oid = $1
   AND a.grantor <> c.relowner
UNION
-- A two-phase transaction's locks have no backend; the lock on its own id tells whose they are.
SELECT 'prepared_transaction', p.gid
  FROM pg_catalog.pg_locks l
       JOIN pg_catalog.pg_locks x
         ON x.locktype = 'transactionid' AND x.pid IS NULL AND x.virtualtransaction = l.virtualtransaction
       JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
 WHERE l.locktype = 'relation'
   AND l.pid IS NULL
   AND l.relation = $1
   AND p.database = pg_catalog.current_database()
