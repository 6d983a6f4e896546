{%- for key in c.foreign_keys_checked_at_once %}
    -- What this transaction has written before must not wait for its COMMIT to be checked: TRUNCATE refuses that.
    SET CONSTRAINTS {{ c.names.source.schema.sql() }}.{{ key.sql() }} IMMEDIATE;
{%- endfor %}
