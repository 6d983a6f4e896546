{%- let relation = c.names.source.clone() -%}
-- The partitioned table against the retired one, as before the cutover; nobody is blocked.
DO $pgcleave$
DECLARE
    compared_rows bigint;
BEGIN
    IF to_regclass({{ c.names.retired.literal().sql() }}) IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the cutover has not happened', HINT = 'run the step cut_over first';
    END IF;
{% include "fragment/compare_or_fail.sql" %}
    UPDATE {{ c.names.state.sql() }}
       SET cutover_verified_at = now(),
           evidence = format('new and retired table: %s rows on both sides, two 64-bit checksums per partition, one snapshot', compared_rows);
END
$pgcleave$;
-- No down file: verifying changes nothing. No verify file: this file is one.
