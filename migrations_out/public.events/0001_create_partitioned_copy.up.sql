-- 0001_create_partitioned_copy.up.sql: Create the empty partitioned copy
-- Table: public.events
-- Lock: ACCESS SHARE on the source table: a moment; blocks nobody who reads or writes
-- Takes: milliseconds a partition
-- Undo: the down file drops the copy
-- Hazards: none
-- Lint: ban-drop-not-null: only of the new copy, and put back by the same statement under the name that the source's has
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- Computes a hash of the table's structure; the same query made the fingerprint in this file's header.
CREATE FUNCTION "public"."events_pgcleave_fingerprint"(regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off
    SET TimeZone = 'UTC' SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres'
    SET extra_float_digits = 1 SET bytea_output = 'hex' SET quote_all_identifiers = off
AS $pgcleave$
-- md5 of the table's structure. The same text runs inside SQL functions that
-- the migrations install, with the table as $1. The caller sets search_path to
-- pg_catalog, pg_temp and pins TimeZone, DateStyle, IntervalStyle,
-- extra_float_digits, bytea_output and quote_all_identifiers: constants in
-- definitions are printed by them.
WITH RECURSIVE swapped AS (
    -- The table and the materialized views that go over with it.
    SELECT $1::oid AS oid
    UNION
    SELECT m.oid
      FROM swapped s
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                AND d.classid = 'pg_catalog.pg_rewrite'::regclass
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
           JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'
)
SELECT pg_catalog.md5(pg_catalog.jsonb_build_object(
    'table', pg_catalog.jsonb_build_array(
        c.relkind::text, c.relpersistence::text, pg_catalog.pg_get_userbyid(c.relowner)::text,
        c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text,
        (SELECT i.relname::text
           FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
          WHERE x.indrelid = c.oid AND x.indisreplident)),
    'columns', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
                   (SELECT pg_catalog.format('%I.%I', n.nspname, o.collname)
                      FROM pg_catalog.pg_collation o
                           JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace
                     WHERE o.oid = a.attcollation),
                   a.attnotnull,
                   EXISTS (SELECT FROM pg_catalog.pg_constraint k
                            WHERE k.conrelid = a.attrelid AND k.contype = 'n'
                              AND k.conkey[1] = a.attnum AND NOT k.convalidated),
                   (SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid)
                      FROM pg_catalog.pg_attrdef f
                     WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum),
                   a.attidentity::text, a.attgenerated::text) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   k.conname::text, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated)
                   ORDER BY k.conname::text COLLATE pg_catalog."C", k.oid)
          FROM pg_catalog.pg_constraint k
         WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x', 'n') AND k.conparentid = 0),
    'indexes', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   i.relname::text, pg_catalog.pg_get_indexdef(i.oid), x.indisvalid)
                   ORDER BY i.relname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
         WHERE x.indrelid = c.oid),
    'triggers', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled::text)
                   ORDER BY t.tgname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_trigger t
         WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
           AND t.tgname NOT IN ('pgcleave_guard', '~pgcleave_moves', 'pgcleave_sync', 'pgcleave_sync_truncate',
                                'pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete',
                                'RI_pgcleave_reverse', 'pgcleave_reverse_truncate')),
    'policies', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   p.polname::text, p.polcmd::text, p.polpermissive,
                   (SELECT pg_catalog.jsonb_agg(CASE WHEN r.oid = 0 THEN 'public'
                                                     ELSE pg_catalog.pg_get_userbyid(r.oid)::text END
                                                ORDER BY pg_catalog.pg_get_userbyid(r.oid)::text
                                                         COLLATE pg_catalog."C")
                      FROM pg_catalog.unnest(p.polroles) AS r (oid)),
                   pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                   pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
                   ORDER BY p.polname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_policy p
         WHERE p.polrelid = c.oid),
    'foreign_policies', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   p.polrelid::regclass::text, p.polname::text, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                   pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
                   ORDER BY p.polrelid::regclass::text COLLATE pg_catalog."C", p.polname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_policy p
         WHERE p.polrelid <> c.oid
           AND p.oid IN (SELECT d.objid
                           FROM swapped s
                                JOIN pg_catalog.pg_depend d
                                  ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                          WHERE d.classid = 'pg_catalog.pg_policy'::regclass)),
    'rules', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   pg_catalog.pg_get_ruledef(r.oid), r.ev_enabled::text)
                   ORDER BY pg_catalog.pg_get_ruledef(r.oid) COLLATE pg_catalog."C")
          FROM pg_catalog.pg_rewrite r
         WHERE r.rulename <> '_RETURN'
           AND (r.ev_class = c.oid
                OR r.oid IN (SELECT d.objid
                               FROM swapped s
                                    JOIN pg_catalog.pg_depend d
                                      ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                              WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass))),
    'views', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   n.nspname::text, v.relname::text, v.relkind::text, v.reloptions, pg_catalog.pg_get_viewdef(v.oid))
                   ORDER BY n.nspname::text COLLATE pg_catalog."C", v.relname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_class v
               JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
         WHERE v.oid <> c.oid
           AND v.oid IN (SELECT r.ev_class
                           FROM swapped s
                                JOIN pg_catalog.pg_depend d
                                  ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                                JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
                          WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass)),
    'labels', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(l.objsubid, l.provider, l.label)
                   ORDER BY l.objsubid, l.provider COLLATE pg_catalog."C")
          FROM pg_catalog.pg_seclabel l
         WHERE l.classoid = 'pg_catalog.pg_class'::regclass AND l.objoid = c.oid),
    'publications', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(pg_catalog.to_jsonb(p), pg_catalog.to_jsonb(t))
                   ORDER BY p.pubname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_publication_rel l
               JOIN pg_catalog.pg_publication p ON p.oid = l.prpubid
               LEFT JOIN pg_catalog.pg_publication_tables t
                      ON t.pubname = p.pubname AND t.schemaname = (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = c.relnamespace)
                         AND t.tablename = c.relname
         WHERE l.prrelid = c.oid),
    'routines', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   p.oid::regprocedure::text, pg_catalog.pg_get_userbyid(p.proowner)::text,
                   ARRAY(SELECT a::text COLLATE pg_catalog."C"
                           FROM pg_catalog.unnest(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a ORDER BY 1),
                   pg_catalog.pg_get_functiondef(p.oid)) ORDER BY p.oid::regprocedure::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_proc p
         WHERE p.prokind <> 'a'
           AND p.oid IN (SELECT d.objid
                           FROM swapped s
                                JOIN pg_catalog.pg_class r ON r.oid = s.oid
                                JOIN pg_catalog.pg_type t ON t.oid = r.reltype
                                CROSS JOIN LATERAL (VALUES ('pg_catalog.pg_class'::regclass::oid, s.oid),
                                                           ('pg_catalog.pg_type'::regclass::oid, t.oid),
                                                           ('pg_catalog.pg_type'::regclass::oid, t.typarray)) AS o (classid, oid)
                                JOIN pg_catalog.pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.oid
                          WHERE d.classid = 'pg_catalog.pg_proc'::regclass)),
    'indexes_of_materialized_views', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.pg_get_indexdef(x.indexrelid)
                   ORDER BY pg_catalog.pg_get_indexdef(x.indexrelid) COLLATE pg_catalog."C")
          FROM swapped s
               JOIN pg_catalog.pg_index x ON x.indrelid = s.oid
         WHERE s.oid <> c.oid)
    )::text) AS fingerprint
  FROM pg_catalog.pg_class c
 WHERE c.oid = $1::oid
$pgcleave$;

-- Runs the statements, all or none, each waiting a short while for its lock (pgcleave.lock_timeout, 1 s),
-- because everybody who comes later queues behind a waiting lock. Tries again (pgcleave.lock_tries, 20)
-- with growing, jittered pauses. An ordinary autovacuum gives way only after deadlock_timeout, so where
-- that is longer, every fifth try waits a little beyond it for the first lock. The others are waited for
-- half of deadlock_timeout at most: a session that holds one lock and waits for another must give up
-- before an application becomes the deadlock's victim. What is altered behind all the locks may wait as
-- long as the first: no application is in its way. Where applications take the first lock behind the others as
-- well, every second try does so, too (in_turns): in one order alone, busy writers may leave it no moment. Ends the sessions in the way only where
-- pgcleave.terminate_blockers is on, and never an autovacuum.
CREATE FUNCTION "public"."events_pgcleave_lock"(target regclass, locks text[], alters text[] DEFAULT '{}', in_turns boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $pgcleave$
DECLARE
    tries CONSTANT int := coalesce(nullif(current_setting('pgcleave.lock_tries', true), '')::int, 20);
    patience CONSTANT int := 1000 * extract(epoch FROM
        coalesce(nullif(current_setting('pgcleave.lock_timeout', true), ''), '1s')::interval);
    terminate CONSTANT boolean := coalesce(nullif(current_setting('pgcleave.terminate_blockers', true), ''), 'off')::boolean;
    deadlock_timeout CONSTANT int := (SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout');
    patience_now int;
    -- Short locks of readers and writers are not in the way of SHARE ROW EXCLUSIVE, and so on: Explicit Locking.
    harmless CONSTANT text[] := CASE WHEN array_to_string(locks, ' ') LIKE '%SHARE ROW EXCLUSIVE%'
        THEN ARRAY['AccessShareLock', 'RowShareLock'] WHEN array_to_string(locks, ' ') LIKE '%SHARE UPDATE EXCLUSIVE%'
        THEN ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock'] ELSE ARRAY[]::text[] END;
    statement text;
    holders text;
    blocker record;
BEGIN
    FOR attempt IN 1 .. tries LOOP
        PERFORM pg_stat_clear_snapshot();
        IF EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                   WHERE l.relation = target AND l.granted AND a.backend_type = 'autovacuum worker'
                     AND a.query LIKE '%(to prevent wraparound)') THEN
            RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
                MESSAGE = format('an autovacuum to prevent wraparound holds %s, and it does not give way', target),
                HINT = 'wait until it is done (pg_stat_progress_vacuum), then run this step again';
        END IF;
        BEGIN
            patience_now := CASE WHEN attempt % 5 = 0 THEN greatest(patience, deadlock_timeout + 200) ELSE patience END;
            PERFORM set_config('lock_timeout', patience_now || 'ms', true);
            FOREACH statement IN ARRAY CASE WHEN in_turns AND attempt % 2 = 0
                THEN locks[2:] || locks[1] ELSE locks END
            LOOP
                EXECUTE statement;
                PERFORM set_config('lock_timeout', greatest(1, least(patience, deadlock_timeout / 2)) || 'ms', true);
            END LOOP;
            IF NOT in_turns THEN
                PERFORM set_config('lock_timeout', patience_now || 'ms', true);
            END IF;
            FOREACH statement IN ARRAY alters LOOP
                EXECUTE statement;
            END LOOP;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_stat_clear_snapshot();
            holders := NULL;
            FOR blocker IN
                SELECT DISTINCT l.pid, a.usename, a.backend_type, a.application_name, a.state, a.backend_type = 'client backend' AS is_client,
                       round(extract(epoch FROM clock_timestamp() - a.xact_start)) AS age,
                       round(extract(epoch FROM clock_timestamp() - a.query_start)) AS query_age
                  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
                 WHERE l.relation = target AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.mode <> ALL (harmless)
            LOOP
                holders := concat_ws('; ', holders, CASE WHEN blocker.pid IS NULL THEN 'a prepared transaction (see pg_prepared_xacts)'
                    ELSE format('pid %s (%s%s, %s, transaction open for %s s, query begun %s s ago)', blocker.pid,
                                coalesce(blocker.usename, blocker.backend_type, '?'), coalesce(' ' || nullif(blocker.application_name, ''), ''),
                                coalesce(blocker.state, 'no state shown'), coalesce(blocker.age::text, '?'), coalesce(blocker.query_age::text, '?')) END);
                IF terminate AND blocker.is_client THEN
                    PERFORM pg_terminate_backend(blocker.pid);
                    RAISE NOTICE 'ended the session of pid %, as asked for', blocker.pid;
                END IF;
            END LOOP;
            RAISE NOTICE 'try % of %: the lock on % was not to be had; held by: %',
                attempt, tries, target, coalesce(holders, 'nobody any more');
            IF attempt < tries THEN
                PERFORM pg_sleep(least(0.1 * 2 ^ least(attempt, 7), 8) * (0.5 + random()));
            END IF;
        END;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('the lock on %s was not to be had within %s tries; nothing has changed', target, tries),
        DETAIL = 'held by: ' || coalesce(holders, 'nobody any more'),
        HINT = 'end those transactions (or --terminate-blockers), or run this step again at a quieter hour';
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_lock"(regclass, text[], text[], boolean) OWNER TO "postgres";
ALTER FUNCTION "public"."events_pgcleave_fingerprint"(regclass) OWNER TO "postgres";

-- The table must still be what these files were rendered from.
DO $pgcleave$
BEGIN
    IF "public"."events_pgcleave_fingerprint"('"public"."events"'::regclass) <> '28178eb51f9822c874f34be4055bd21e' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the structure of ' || 'public.events' || ' has changed since these files were rendered',
            HINT = 'render them again: pgcleave generate';
    END IF;
END
$pgcleave$;

CREATE TABLE "public"."events_pgcleave_copy"
    (LIKE "public"."events" INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY
        INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)
    PARTITION BY RANGE ("created_at");
ALTER TABLE "public"."events_pgcleave_copy" OWNER TO "postgres";

-- The copy's own identity sequence for "id": under a name that we know, with the type, the
-- comment and the privileges of the source's.
DO $pgcleave$
DECLARE
    copy_sequence CONSTANT regclass :=
        pg_get_serial_sequence('"public"."events_pgcleave_copy"', 'id');
    sequence CONSTANT regclass := '"public"."events_id_seq"';
    privilege record;
BEGIN
    EXECUTE format('ALTER SEQUENCE %s AS %s', copy_sequence,
        (SELECT format_type(seqtypid, NULL) FROM pg_sequence WHERE seqrelid = sequence));
    EXECUTE format('COMMENT ON SEQUENCE %s IS %L', copy_sequence, obj_description(sequence, 'pg_class'));
    -- What ALTER DEFAULT PRIVILEGES gave it, nobody asked for.
    FOR privilege IN
        SELECT DISTINCT a.grantee FROM pg_class t, aclexplode(t.relacl) a WHERE t.oid = copy_sequence AND a.grantee <> t.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM %s', copy_sequence,
            CASE privilege.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(privilege.grantee)) END);
    END LOOP;
    FOR privilege IN
        SELECT a.* FROM pg_class t, aclexplode(t.relacl) a WHERE t.oid = sequence AND a.grantee <> t.relowner
    LOOP
        EXECUTE format('GRANT %s ON SEQUENCE %s TO %s%s', privilege.privilege_type, copy_sequence,
            CASE privilege.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(privilege.grantee)) END,
            CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', copy_sequence, 'events_id_seq_pgcleave_copy');
END
$pgcleave$;

-- Bounds of ranges: lower inclusive, upper exclusive, midnight in the pinned time zone.
CREATE TABLE "public"."events_p2025_11" PARTITION OF "public"."events_pgcleave_copy"
    FOR VALUES FROM ('2025-11-01 00:00:00+00:00') TO ('2025-12-01 00:00:00+00:00');
CREATE TABLE "public"."events_p2025_12" PARTITION OF "public"."events_pgcleave_copy"
    FOR VALUES FROM ('2025-12-01 00:00:00+00:00') TO ('2026-01-01 00:00:00+00:00');
CREATE TABLE "public"."events_p2026_01" PARTITION OF "public"."events_pgcleave_copy"
    FOR VALUES FROM ('2026-01-01 00:00:00+00:00') TO ('2026-02-01 00:00:00+00:00');
CREATE TABLE "public"."events_p2026_02" PARTITION OF "public"."events_pgcleave_copy"
    FOR VALUES FROM ('2026-02-01 00:00:00+00:00') TO ('2026-03-01 00:00:00+00:00');
CREATE TABLE "public"."events_p2026_03" PARTITION OF "public"."events_pgcleave_copy"
    FOR VALUES FROM ('2026-03-01 00:00:00+00:00') TO ('2026-04-01 00:00:00+00:00');
CREATE TABLE "public"."events_default" PARTITION OF "public"."events_pgcleave_copy"
    DEFAULT;

-- Ownership and identity of each partition; nobody gets more than they had (ALTER DEFAULT PRIVILEGES
-- would give it to every new table).
DO $pgcleave$
DECLARE
    relation regclass;
    grantee oid;
BEGIN
    FOR relation IN SELECT relid FROM pg_partition_tree('"public"."events_pgcleave_copy"') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %I', relation, 'postgres');
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

-- Nobody but the owner may call them or put one on a table of their own; firing a trigger needs no right.
DO $pgcleave$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT p.oid::regprocedure AS routine, a.grantee
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.pronamespace = '"public"'::regnamespace AND a.grantee <> p.proowner
           AND p.proname = ANY (ARRAY['events_pgcleave_fingerprint', 'events_pgcleave_lock', 'events_pgcleave_check', 'events_pgcleave_guard', 'events_pgcleave_log_keys', 'events_pgcleave_sync', 'events_pgcleave_sync_truncate', 'events_pgcleave_reverse', 'events_pgcleave_reverse_truncate', 'events_pgcleave_note_moves', 'events_pgcleave_drain', 'events_pgcleave_wait', 'events_pgcleave_mark', 'events_pgcleave_compare', 'events_pgcleave_repair', 'events_pgcleave_copy_batches', 'events_pgcleave_build_partition_indexes', 'events_pgcleave_catch_up', 'events_pgcleave_add_foreign_keys', 'events_pgcleave_move_incoming', 'events_pgcleave_work']::name[])
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', granted.routine,
            CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
    END LOOP;
END
$pgcleave$;

COMMIT;
