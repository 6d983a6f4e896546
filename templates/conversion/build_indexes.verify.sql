DO $pgcleave$
DECLARE
    indexes bigint;
BEGIN
    SELECT count(*) INTO indexes FROM pg_index
     WHERE indrelid = {{ c.names.copy.literal().sql() }}::regclass AND indisvalid;
    IF indexes <> {{ c.index_count().sql() }} THEN
        RAISE EXCEPTION USING MESSAGE = format('the copy has %s valid indexes, not {{ c.index_count().sql() }}', indexes);
    END IF;
    PERFORM {{ c.reverse_signature.sql() }}::regprocedure; -- fails where the reverse sync's function is not there
END
$pgcleave$;
