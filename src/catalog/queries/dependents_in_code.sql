-- Functions and columns that use the table's row type or name the table.
WITH row_types AS (
    SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typrelid = $1
    UNION
    SELECT t.typarray FROM pg_catalog.pg_type t WHERE t.typrelid = $1 AND t.typarray <> 0
), uses AS (
    SELECT d.classid, d.objid, d.objsubid, true AS of_row_type
      FROM pg_catalog.pg_depend d
           JOIN row_types t ON t.oid = d.refobjid
     WHERE d.refclassid = 'pg_catalog.pg_type'::regclass
    UNION
    SELECT d.classid, d.objid, d.objsubid, false
      FROM pg_catalog.pg_depend d
     WHERE d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.refobjid = $1
)
SELECT 'row_type_function' AS kind, p.oid::regprocedure::text AS name
  FROM uses u
       JOIN pg_catalog.pg_proc p ON p.oid = u.objid
       JOIN row_types t
         ON t.oid = p.prorettype OR t.oid = ANY (coalesce(p.proallargtypes, p.proargtypes::oid[]))
 WHERE u.classid = 'pg_catalog.pg_proc'::regclass
   AND u.of_row_type
UNION
SELECT 'sql_body_function', p.oid::regprocedure::text
  FROM uses u
       JOIN pg_catalog.pg_proc p ON p.oid = u.objid AND p.prosqlbody IS NOT NULL
 WHERE u.classid = 'pg_catalog.pg_proc'::regclass
UNION
SELECT 'row_type_column', pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname)
  FROM uses u
       JOIN pg_catalog.pg_class c ON c.oid = u.objid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.objsubid
 WHERE u.classid = 'pg_catalog.pg_class'::regclass
   AND u.of_row_type
   AND u.objsubid > 0
   AND NOT a.attisdropped
