DO $pgcleave$
DECLARE
    partitions bigint;
BEGIN
    SELECT count(*) - 1 INTO partitions FROM pg_partition_tree(to_regclass({{ c.names.copy.literal().sql() }}));
    IF partitions IS DISTINCT FROM {{ c.partition_count().sql() }} THEN
        RAISE EXCEPTION USING MESSAGE =
            format('the partitioned copy has %s partitions, not {{ c.partition_count().sql() }}', partitions);
    END IF;
END
$pgcleave$;
