-- Partitions of partitions too; 0 where it is no partitioned table.
SELECT coalesce((SELECT pg_catalog.count(*) - 1
                   FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))
                 HAVING pg_catalog.count(*) > 0), 0) AS partitions
