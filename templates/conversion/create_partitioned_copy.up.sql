-- Computes a hash of the table's structure; the same query made the fingerprint in this file's header.
CREATE FUNCTION {{ c.names.fingerprint.sql() }}(regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off
    SET TimeZone = 'UTC' SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres'
    SET extra_float_digits = 1 SET bytea_output = 'hex' SET quote_all_identifiers = off
AS $pgcleave$
{% include "fingerprint.sql" %}
$pgcleave$;

{% include "fragment/lock_function.sql" %}

-- The table must still be what these files were rendered from.
DO $pgcleave$
BEGIN
    IF {{ c.names.fingerprint.sql() }}({{ c.names.source.literal().sql() }}::regclass) <> {{ c.fingerprint.sql() }} THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the structure of ' || {{ c.label.sql() }} || ' has changed since these files were rendered',
            HINT = 'render them again: pgcleave generate';
    END IF;
END
$pgcleave$;

CREATE TABLE {{ c.names.copy.sql() }}
    (LIKE {{ c.names.source.sql() }} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY
        INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)
    PARTITION BY RANGE ({{ c.key.sql() }})
{%- if let Some(tablespace) = c.tablespace %}
    TABLESPACE {{ tablespace.sql() }}
{%- endif %};
ALTER TABLE {{ c.names.copy.sql() }} OWNER TO {{ c.owner.sql() }};
{%- for identity in c.identities %}

-- The copy's own identity sequence for {{ identity.column.sql() }}, under a name that we know.
DO $pgcleave$
BEGIN
    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I',
        pg_get_serial_sequence({{ c.names.copy.literal().sql() }}, {{ identity.column.literal().sql() }}),
        {{ identity.copy_sequence.name.literal().sql() }});
END
$pgcleave$;
{%- endfor %}
{%- for check in c.checks %}
ALTER TABLE {{ c.names.copy.sql() }} ADD CONSTRAINT {{ check.name.sql() }} {{ check.definition.sql() }};
{%- endfor %}
{%- for comment in c.copy_comments %}
{{ comment.sql() }};
{%- endfor %}
{%- for setting in c.column_settings %}
ALTER TABLE {{ c.names.copy.sql() }} ALTER COLUMN {{ setting.column.sql() }} {{ setting.action.sql() }};
{%- endfor %}

-- Bounds: lower inclusive, upper exclusive, midnight in the pinned time zone.
{%- for partition in c.partitions %}
CREATE TABLE {{ partition.name.sql() }} PARTITION OF {{ c.names.copy.sql() }}
    FOR VALUES FROM ({{ partition.lower.sql() }}) TO ({{ partition.upper.sql() }}){{ c.with_storage_parameters.sql() }};
{%- endfor %}
CREATE TABLE {{ c.names.default_partition.sql() }} PARTITION OF {{ c.names.copy.sql() }} DEFAULT{{ c.with_storage_parameters.sql() }};

-- Ownership and identity of each partition; nobody gets more than they had (ALTER DEFAULT PRIVILEGES
-- would give it to every new table).
DO $pgcleave$
DECLARE
    relation regclass;
    grantee oid;
BEGIN
    FOR relation IN SELECT relid FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %I', relation, {{ c.owner.literal().sql() }});
{%- if let Some(identity) = c.replica_identity %}
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', relation, {{ identity.sql() }});
{%- endif %}
        FOR grantee IN
            SELECT DISTINCT a.grantee FROM pg_class t, aclexplode(t.relacl) a
            WHERE t.oid = relation AND a.grantee <> t.relowner
        LOOP
            EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', relation,
                CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END);
        END LOOP;
    END LOOP;
END
$pgcleave$;
{%- for grant in c.grants %}
{{ grant.sql() }};
{%- endfor %}
