{%- if c.copies_by_pg_cron() -%}
{% include "fragment/keep_catch_ups_away.sql" %}
UPDATE {{ c.names.state.sql() }} SET stop_requested = true; -- a run of pg_cron's that is under way goes no further
{% endif -%}
