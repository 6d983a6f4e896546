-- The change log: the keys, and nothing else, that writers touch while the table is being copied.
CREATE TABLE {{ c.names.log.sql() }} AS
    SELECT {{ c.log_columns.sql() }} FROM {{ c.names.source.sql() }} WITH NO DATA;
CREATE INDEX ON {{ c.names.log.sql() }} ({{ c.primary_key.list().sql() }});
-- One row per TRUNCATE of the source table.
CREATE TABLE {{ c.names.truncations.sql() }} (truncated_at timestamptz NOT NULL DEFAULT clock_timestamp());
-- Where the conversion stands; one row.
CREATE TABLE {{ c.names.state.sql() }} (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    source_filenode     oid,                             -- changes when the source is rewritten; null before the copy
    stop_requested      boolean NOT NULL DEFAULT false,  -- the batch copy and the catch-up stop after a batch
    waiting_for         text,                            -- why they wait at the moment
    count_milliseconds  bigint,                          -- how long counting both tables took
    cron_job            bigint,                          -- pg_cron's job that copies and catches up,
    cron_role           name,                            -- and whose it is
    sync_marks          text,                            -- of our triggers and functions: tells whether someone has switched
                                                         -- one off, if only for a while: a lost change
    switch_xid          xid8,                            -- transaction from which on copy = source
    guards_created      boolean NOT NULL DEFAULT false,  -- what keeps keys unique over all partitions is there
    foreign_keys_added  boolean NOT NULL DEFAULT false,  -- the copy has all of the source's, validated alike
    foreign_keys_moving boolean NOT NULL DEFAULT false,  -- those that point at the retired table are being given another form
    foreign_keys_moved  boolean NOT NULL DEFAULT false,  -- and all have it
    materialized_views_built boolean NOT NULL DEFAULT false, -- on the copy, since it is in step
    verified_at         timestamptz,                     -- compared by checksums without a difference since the switch,
    verified_mark       text,                            -- while the source's structure and storage bore this mark
    cutover_verified_at timestamptz,                     -- the same, new table against retired table, since the cutover
    verified_parts      jsonb NOT NULL DEFAULT '{}',     -- partitions that an unfinished `pgcleave verify` found equal
    evidence            text                             -- what was compared last, and how
);
INSERT INTO {{ c.names.state.sql() }} DEFAULT VALUES;
-- How the batch copy and the catch-up behave; may be changed while they run.
CREATE TABLE {{ c.names.settings.sql() }} (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    jobs                bigint NOT NULL DEFAULT 1 CHECK (jobs >= 1),           -- sessions that may copy at once
    batch_target        interval NOT NULL DEFAULT '500 milliseconds' CHECK (batch_target > '0'), -- time per batch
    sleep_milliseconds  bigint NOT NULL DEFAULT 0 CHECK (sleep_milliseconds >= 0), -- after each batch
    max_replica_lag     interval DEFAULT '10 seconds',                         -- pg_stat_replication.replay_lag; null: any
    max_retained_wal    bigint,                                                -- bytes that a replication slot retains; null: any
    max_active_sessions bigint,                                                -- of others, in the whole server; null: any
    throttle_query      text,                                                  -- waits while it returns true; null: none
    paused_by           text                                                   -- waits while not null, and why
);
INSERT INTO {{ c.names.settings.sql() }} DEFAULT VALUES;
-- Where the batch copy stands in each part of the source. Blocks, upper ends exclusive.
CREATE TABLE {{ c.names.segments.sql() }} (
    first_block bigint PRIMARY KEY,
    end_block   bigint NOT NULL,
    next_block  bigint NOT NULL,
    rows_copied bigint NOT NULL DEFAULT 0
);
-- How many of its indexes each partition of the copy has.
CREATE TABLE {{ c.names.index_builds.sql() }} (
    partition oid PRIMARY KEY,
    bytes     bigint NOT NULL,
    indexes   bigint NOT NULL,
    built     bigint NOT NULL DEFAULT 0
);
{%- if c.is_referenced() %}
-- Rows whose primary key and partition change in one UPDATE of the partitioned table; filled and emptied
-- within that statement.
CREATE TABLE {{ c.names.moves.sql() }} AS
    SELECT {{ c.log_columns.sql() }}, ROW({{ c.log_columns.sql() }})::{{ c.names.log.sql() }} AS pgcleave_moved_to FROM {{ c.names.log.sql() }} WITH NO DATA;
CREATE INDEX ON {{ c.names.moves.sql() }} ({{ c.primary_key.list().sql() }});
ALTER TABLE {{ c.names.moves.sql() }} OWNER TO {{ c.owner.sql() }};
{%- endif %}
ALTER TABLE {{ c.names.settings.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.segments.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.index_builds.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.log.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.truncations.sql() }} OWNER TO {{ c.owner.sql() }};
ALTER TABLE {{ c.names.state.sql() }} OWNER TO {{ c.owner.sql() }};

{% include "fragment/log_keys.sql" %}
ALTER FUNCTION {{ c.names.log_keys.sql() }}() OWNER TO {{ c.owner.sql() }};

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
    IF pg_trigger_depth() <= 1 AND current_setting('pgcleave.repair', true) IS DISTINCT FROM 'on' THEN
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

CREATE TRIGGER pgcleave_log_insert AFTER INSERT ON {{ c.names.source.sql() }}
    REFERENCING NEW TABLE AS pgcleave_new FOR EACH STATEMENT EXECUTE FUNCTION {{ c.names.log_keys.sql() }}();
CREATE TRIGGER pgcleave_log_update AFTER UPDATE ON {{ c.names.source.sql() }}
    REFERENCING OLD TABLE AS pgcleave_old NEW TABLE AS pgcleave_new FOR EACH STATEMENT EXECUTE FUNCTION {{ c.names.log_keys.sql() }}();
CREATE TRIGGER pgcleave_log_delete AFTER DELETE ON {{ c.names.source.sql() }}
    REFERENCING OLD TABLE AS pgcleave_old FOR EACH STATEMENT EXECUTE FUNCTION {{ c.names.log_keys.sql() }}();
CREATE TRIGGER pgcleave_sync AFTER INSERT OR UPDATE OR DELETE ON {{ c.names.source.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ c.names.sync.sql() }}();
CREATE TRIGGER pgcleave_sync_truncate AFTER TRUNCATE ON {{ c.names.source.sql() }}
    FOR EACH STATEMENT EXECUTE FUNCTION {{ c.names.sync_truncate.sql() }}();
CREATE TRIGGER pgcleave_guard BEFORE INSERT OR UPDATE OR DELETE ON {{ c.names.source.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ c.names.guard.sql() }}();
{% include "fragment/log_by_statement.sql" %}
ALTER TABLE {{ c.names.source.sql() }} ENABLE ALWAYS TRIGGER pgcleave_sync_truncate, DISABLE TRIGGER pgcleave_guard;

{% include "fragment/record_sync_marks.sql" %}
SELECT {{ c.names.check.sql() }}();

{% include "fragment/revoke_functions.sql" %}
