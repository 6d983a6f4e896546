-- Columns of the table's row type.
WITH row_types AS (
    SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typrelid = $1
    UNION
    SELECT t.typarray FROM pg_catalog.pg_type t WHERE t.typrelid = $1 AND t.typarray <> 0
)
SELECT 'row_type_column' AS kind, pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name
  FROM row_types t
       JOIN pg_catalog.pg_depend u
         ON u.refclassid = 'pg_catalog.pg_type'::regclass AND u.refobjid = t.oid
            AND u.classid = 'pg_catalog.pg_class'::regclass AND u.objsubid > 0
       JOIN pg_catalog.pg_class c ON c.oid = u.objid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.objsubid
 WHERE NOT a.attisdropped
