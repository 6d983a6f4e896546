{%- for comment in c.foreign_key_comments -%}
{{ comment.sql() }};
{% endfor -%}
-- Rows and checksums of both tables, per partition, in one snapshot; nobody is blocked.
DO $pgcleave$
DECLARE
    difference text;
BEGIN
    SELECT string_agg(format('%s: %s rows in the source, %s in the copy%s', partition, source_rows, copy_rows,
                             CASE WHEN source_rows = copy_rows THEN ', of other content' ELSE '' END), '; ')
      INTO difference
      FROM {{ c.names.compare.sql() }}()
     WHERE source_rows <> copy_rows OR source_sum <> copy_sum;
    IF difference IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = 'source and copy differ: ' || difference,
            HINT = 'roll back to the start (pgcleave rollback), and please report this: it must never happen';
    END IF;
END
$pgcleave$;
-- Lasts only because the copy is in step: a comparison before the switch is none.
UPDATE {{ c.names.state.sql() }} SET verified_at = clock_timestamp() WHERE switch_xid IS NOT NULL;
-- No down file: verifying changes nothing. No verify file: this file is one.
