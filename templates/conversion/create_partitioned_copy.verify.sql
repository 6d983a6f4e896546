DO $pgcleave$
DECLARE
    partitions bigint;
BEGIN
    SELECT count(*) INTO partitions FROM pg_inherits WHERE inhparent = to_regclass({{ c.names.copy.literal().sql() }});
    IF partitions IS DISTINCT FROM {{ c.partition_count().sql() }} THEN
        RAISE EXCEPTION USING MESSAGE =
            format('the partitioned copy has %s partitions, not {{ c.partition_count().sql() }}', partitions);
    END IF;
END
$pgcleave$;
