-- The change log: the keys, and nothing else, that writers touch while the table is being copied.
CREATE TABLE {{ c.names.log.sql() }} AS
    SELECT {{ c.log_columns.sql() }} FROM {{ c.names.source.sql() }} WITH NO DATA;
CREATE INDEX ON {{ c.names.log.sql() }} ({{ c.primary_key.list().sql() }});
-- One row per TRUNCATE of the source table.
CREATE TABLE {{ c.names.truncations.sql() }} (truncated_at timestamptz NOT NULL DEFAULT clock_timestamp());
-- Where the conversion stands; one row.
CREATE TABLE {{ c.names.state.sql() }} (
    only_row           boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    source_filenode    oid,                             -- changes when the source is rewritten
    next_block         bigint NOT NULL DEFAULT 0,       -- the batch copy goes on here
    end_block          bigint,                          -- blocks of the source when the copy began
    rows_copied        bigint NOT NULL DEFAULT 0,
    stop_requested     boolean NOT NULL DEFAULT false,  -- the batch copy and the catch-up stop after a batch
    count_milliseconds bigint,                          -- how long counting both tables took
    trigger_xmin       xid,                             -- traces of someone switching the triggers or
    function_xmin      xid,                             -- their functions off: a lost change, if only for a while
    switch_xid         xid8,                            -- transaction from which on copy = source
    foreign_keys_added boolean NOT NULL DEFAULT false,  -- the copy has all of the source's, validated alike
    verified_at        timestamptz                      -- compared without a difference since the switch
);
INSERT INTO {{ c.names.state.sql() }} DEFAULT VALUES;
ALTER TABLE {{ c.names.log.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.truncations.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.state.sql() }} OWNER TO {{ c.owner.sql() }};

{% include "fragment/sync_log.sql" %}
ALTER FUNCTION {{ c.names.sync.sql() }}() OWNER TO {{ c.owner.sql() }};

CREATE FUNCTION {{ c.names.sync_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    INSERT INTO {{ c.names.truncations.sql() }} DEFAULT VALUES;
    RETURN NULL;
END
$pgcleave$;
ALTER FUNCTION {{ c.names.sync_truncate.sql() }}() OWNER TO {{ c.owner.sql() }};

{% include "fragment/check_function.sql" %}

-- Keeps applications from writing to the retired table after the cutover; disabled until then. The
-- reverse sync and foreign keys write to it from within another trigger. A BEFORE trigger, for AFTER
-- triggers of a foreign key's own writes fire as if the application had made them.
CREATE FUNCTION {{ c.names.guard.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    IF pg_trigger_depth() <= 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = {{ c.label.sql() }} || ' was partitioned, and this is the retired table, kept for a rollback',
            HINT = 'write to the partitioned table, which has the old name';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$pgcleave$;
ALTER FUNCTION {{ c.names.guard.sql() }}() OWNER TO {{ c.owner.sql() }};

SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
    {{ c.lock_source_share_row_exclusive.sql() }}
]);

CREATE TRIGGER pgcleave_sync AFTER INSERT OR UPDATE OR DELETE ON {{ c.names.source.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ c.names.sync.sql() }}();
CREATE TRIGGER pgcleave_sync_truncate AFTER TRUNCATE ON {{ c.names.source.sql() }}
    FOR EACH STATEMENT EXECUTE FUNCTION {{ c.names.sync_truncate.sql() }}();
CREATE TRIGGER pgcleave_guard BEFORE INSERT OR UPDATE OR DELETE ON {{ c.names.source.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ c.names.guard.sql() }}();
ALTER TABLE {{ c.names.source.sql() }} DISABLE TRIGGER pgcleave_guard;
-- ALWAYS: a writer with session_replication_role = replica must be caught too.
ALTER TABLE {{ c.names.source.sql() }} ENABLE ALWAYS TRIGGER pgcleave_sync;
ALTER TABLE {{ c.names.source.sql() }} ENABLE ALWAYS TRIGGER pgcleave_sync_truncate;

{% include "fragment/record_xmin.sql" %}
SELECT {{ c.names.check.sql() }}();
