{%- let relation = c.names.copy.clone() -%}
{%- for comment in c.foreign_key_comments -%}
{{ comment.sql() }};
{% endfor -%}
-- Rows and checksums of both tables, per partition, in one snapshot; nobody is blocked.
DO $pgcleave$
DECLARE
    compared_rows bigint;
    -- Read after the switch was seen, before anything is compared: the cutover takes whoever began later for young.
    switch CONSTANT xid8 := (SELECT switch_xid FROM {{ c.names.state.sql() }});
    began CONSTANT timestamptz := clock_timestamp();
BEGIN
    -- Says the reason where somebody has switched the sync off for a while, or changed the table.
    PERFORM {{ c.names.check.sql() }}();
{% include "fragment/compare_or_fail.sql" %}
    -- Lasts only because the copy is in step: a comparison before the switch is none.
    UPDATE {{ c.names.state.sql() }}
       SET verified_at = began, verified_mark = {{ c.names.mark.sql() }}({{ c.names.source.literal().sql() }}::regclass),
           evidence = format('source and copy: %s rows on both sides, two 64-bit checksums per partition, one snapshot', compared_rows)
     WHERE switch_xid = switch;
END
$pgcleave$;
-- No down file: verifying changes nothing. No verify file: this file is one.
