DO $pgcleave$
BEGIN
    IF to_regprocedure({{ c.copy_batches_signature.sql() }}) IS NULL THEN
        RAISE EXCEPTION 'the batch copy procedure is not there';
    END IF;
END
$pgcleave$;
