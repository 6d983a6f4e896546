-- How a partitioned table is partitioned, and behind it its partitions; a row for each kind at each level. An
-- expression has no column's name.
SELECT DISTINCT t.level,
       CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END AS strategy,
       ARRAY(SELECT a.attname::text
               FROM pg_catalog.unnest(p.partattrs::int2[]) WITH ORDINALITY k (attnum, place)
                    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.attnum
              ORDER BY k.place) AS columns
  FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) t
       JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = t.relid
 ORDER BY t.level
