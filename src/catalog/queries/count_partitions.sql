SELECT pg_catalog.count(*) AS partitions
  FROM pg_catalog.pg_inherits
 WHERE inhparent = pg_catalog.to_regclass($1)
