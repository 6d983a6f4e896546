-- One row per column, by position.
WITH RECURSIVE types AS (
    -- A domain's base type may be a domain again.
    SELECT t.oid AS column_type, t.oid, t.typtype, t.typbasetype
      FROM pg_catalog.pg_type t
     WHERE t.oid IN (SELECT a.atttypid
                       FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped)
    UNION ALL
    SELECT d.column_type, t.oid, t.typtype, t.typbasetype
      FROM types d
           JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype
     WHERE d.typtype = 'd'
), base AS (
    SELECT d.column_type, t.*, n.nspname
      FROM types d
           JOIN pg_catalog.pg_type t ON t.oid = d.oid
           JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE d.typtype <> 'd'
), classes AS (
    -- Default operator classes that take the type, the likeliest first: its own, then by binary coercion.
    SELECT b.column_type, m.amname, k.opcfamily, k.opcintype,
           row_number() OVER (PARTITION BY b.column_type, m.amname
                              ORDER BY k.opcintype = b.oid DESC, i.typispreferred DESC, k.oid) AS rank
      FROM base b
           JOIN pg_catalog.pg_opclass k ON k.opcdefault
           JOIN pg_catalog.pg_am m ON m.oid = k.opcmethod AND m.amname IN ('btree', 'hash')
           JOIN pg_catalog.pg_type i ON i.oid = k.opcintype
     WHERE k.opcintype = b.oid
        OR (b.typtype = 'e' AND k.opcintype = 'pg_catalog.anyenum'::regtype)
        OR (b.typtype = 'r' AND k.opcintype = 'pg_catalog.anyrange'::regtype)
        OR (b.typtype = 'm' AND k.opcintype = 'pg_catalog.anymultirange'::regtype)
        OR (b.typtype = 'c' AND k.opcintype = 'pg_catalog.record'::regtype)
        OR (b.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
            AND k.opcintype = 'pg_catalog.anyarray'::regtype)
        OR EXISTS (SELECT FROM pg_catalog.pg_cast x
                    WHERE x.castsource = b.oid AND x.casttarget = k.opcintype
                      AND x.castmethod = 'b' AND x.castcontext = 'i')
), parts AS (
    -- All types that a value is made of: a domain's base, elements, attributes, a range's subtype.
    SELECT a.atttypid AS column_type, a.atttypid AS oid
      FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT p.column_type, i.oid
      FROM parts p
           JOIN pg_catalog.pg_type t ON t.oid = p.oid
           CROSS JOIN LATERAL (
               SELECT t.typbasetype WHERE t.typtype = 'd'
               UNION ALL
               SELECT t.typelem WHERE t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
               UNION ALL
               SELECT a.atttypid FROM pg_catalog.pg_attribute a
                WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)) i (oid)
), sequences AS (
    -- An identity's is internal to its column; any number of others may be owned by it.
    SELECT o.refobjsubid AS attnum, o.deptype, n.nspname::text AS schema, s.relname::text AS name
      FROM pg_catalog.pg_depend o
           JOIN pg_catalog.pg_class s ON s.oid = o.objid AND s.relkind = 'S'
           JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
     WHERE o.classid = 'pg_catalog.pg_class'::regclass
       AND o.refclassid = 'pg_catalog.pg_class'::regclass
       AND o.refobjid = $1
       AND o.refobjsubid > 0
       AND o.deptype IN ('a', 'i')
)
SELECT a.attname AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_sql,
       CASE WHEN b.nspname = 'pg_catalog' THEN b.typname::text
            ELSE pg_catalog.format('%I.%I', b.nspname, b.typname) END AS base_type,
       CASE WHEN a.attcollation <> t.typcollation
            THEN pg_catalog.format('%I.%I', cn.nspname, c.collname) END AS collation,
       -- From PostgreSQL 18 on, attnotnull also stands for a NOT NULL that isn't validated.
       a.attnotnull AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_constraint n
            WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey[1] = a.attnum
              AND NOT n.convalidated) AS not_null,
       pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS expression,
       a.attidentity::text AS identity,
       a.attgenerated::text AS generated,
       s.schema AS sequence_schema,
       s.name AS sequence_name,
       (SELECT pg_catalog.array_agg(o.schema ORDER BY o.schema, o.name) FROM sequences o
         WHERE o.attnum = a.attnum AND o.deptype = 'a') AS owned_sequence_schemas,
       (SELECT pg_catalog.array_agg(o.name ORDER BY o.schema, o.name) FROM sequences o
         WHERE o.attnum = a.attnum AND o.deptype = 'a') AS owned_sequence_names,
       -- -1 up to PostgreSQL 16, NULL from 17 on: not set.
       nullif(a.attstattarget, -1)::integer AS statistics_target,
       (SELECT coalesce(pg_catalog.array_agg(o.option ORDER BY o.place), '{}')
          FROM pg_catalog.unnest(a.attoptions) WITH ORDINALITY AS o (option, place)
         WHERE o.option NOT LIKE 'pg\_%') AS options,
       d.description AS comment,
       btree.opcfamily IS NOT NULL AS btree,
       eq_schema.nspname AS operator_schema,
       eq.oprname AS operator_symbol,
       coalesce(c.collisdeterministic, tc.collisdeterministic, true) AND EXISTS (
           SELECT FROM pg_catalog.pg_amproc p
            WHERE p.amprocfamily = btree.opcfamily AND p.amprocnum = 4
              AND p.amproclefttype = btree.opcintype AND p.amprocrighttype = btree.opcintype) AS bitwise,
       EXISTS (SELECT FROM classes h WHERE h.column_type = a.atttypid AND h.amname = 'hash') AS hash,
       -- In other encodings, a send function's text depends on the session's.
       pg_catalog.getdatabaseencoding() = 'UTF8' AND NOT EXISTS (
           SELECT FROM parts p JOIN pg_catalog.pg_type i ON i.oid = p.oid
            WHERE p.column_type = a.atttypid AND i.typsend = 0) AS sends
  FROM pg_catalog.pg_attribute a
       JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
       JOIN base b ON b.column_type = a.atttypid
       LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
       LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace
       LEFT JOIN pg_catalog.pg_collation tc ON tc.oid = t.typcollation
       LEFT JOIN classes btree
              ON btree.column_type = a.atttypid AND btree.amname = 'btree' AND btree.rank = 1
       LEFT JOIN pg_catalog.pg_amop eq_member
              ON eq_member.amopfamily = btree.opcfamily AND eq_member.amopstrategy = 3
             AND eq_member.amoplefttype = btree.opcintype AND eq_member.amoprighttype = btree.opcintype
       LEFT JOIN pg_catalog.pg_operator eq ON eq.oid = eq_member.amopopr
       LEFT JOIN pg_catalog.pg_namespace eq_schema ON eq_schema.oid = eq.oprnamespace
       LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
       LEFT JOIN sequences s ON s.attnum = a.attnum AND s.deptype = 'i'
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = a.attrelid
             AND d.objsubid = a.attnum
 WHERE a.attrelid = $1
   AND a.attnum > 0
   AND NOT a.attisdropped
 ORDER BY a.attnum
