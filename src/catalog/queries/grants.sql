-- Table privileges, then column privileges; the owner's only where they were changed.
WITH given AS (
    SELECT NULL::name AS column_name, 0 AS attnum, c.relowner, x.*,
           x.grantee = c.relowner
           AND (SELECT pg_catalog.array_agg(o.privilege_type ORDER BY o.privilege_type)
                  FROM pg_catalog.aclexplode(c.relacl) o WHERE o.grantee = c.relowner)
             = (SELECT pg_catalog.array_agg(o.privilege_type ORDER BY o.privilege_type)
                  FROM pg_catalog.aclexplode(pg_catalog.acldefault('r', c.relowner)) o
                 WHERE o.grantee = c.relowner) AS usual
      FROM pg_catalog.pg_class c
           CROSS JOIN pg_catalog.aclexplode(c.relacl) x
     WHERE c.oid = $1
    UNION ALL
    SELECT a.attname, a.attnum, c.relowner, x.*, false
      FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
           CROSS JOIN pg_catalog.aclexplode(a.attacl) x
     WHERE c.oid = $1
)
SELECT r.rolname AS grantee,
       g.privilege_type AS privilege,
       -- Two grantors may have given the same privilege.
       pg_catalog.bool_or(g.is_grantable) AS grantable,
       g.column_name
  FROM given g
       LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
 WHERE NOT g.usual
   AND (g.grantee = 0 OR r.oid IS NOT NULL)
 GROUP BY g.attnum, g.column_name, r.rolname, g.privilege_type
 ORDER BY g.attnum, r.rolname NULLS FIRST, g.privilege_type COLLATE pg_catalog."C"
