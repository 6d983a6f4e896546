-- A partitioned table's are the sums over its partitions.
WITH heaps AS (
    SELECT c.oid, c.reltuples
      FROM pg_catalog.pg_class c
     WHERE c.oid = $1 AND c.relkind <> 'p'
    UNION ALL
    SELECT c.oid, c.reltuples
      FROM pg_catalog.pg_partition_tree($1::oid::regclass) p
           JOIN pg_catalog.pg_class c ON c.oid = p.relid
     WHERE p.isleaf AND c.oid <> $1
)
SELECT coalesce(pg_catalog.sum(pg_catalog.pg_table_size(h.oid)), 0)::bigint AS table_bytes,
       coalesce(pg_catalog.sum(pg_catalog.pg_indexes_size(h.oid)), 0)::bigint AS index_bytes,
       coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(h.oid)
                / pg_catalog.current_setting('block_size')::integer), 0)::bigint AS blocks,
       coalesce(pg_catalog.sum(h.reltuples) FILTER (WHERE h.reltuples >= 0), -1)::double precision
           AS estimated_rows
  FROM heaps h
