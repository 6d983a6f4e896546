-- Runs the statements, all or none, each waiting a short while for its lock (pgcleave.lock_timeout, 1 s),
-- because everybody who comes later queues behind a waiting lock. Tries again (pgcleave.lock_tries, 20)
-- with growing, jittered pauses. An ordinary autovacuum gives way only after deadlock_timeout, so where
-- that is longer, every fifth try waits a little beyond it for the first lock. The others are waited for
-- half of deadlock_timeout at most: a session that holds one lock and waits for another must give up
-- before an application becomes the deadlock's victim. What is altered behind all the locks may wait as
-- long as the first: no application is in its way. Where applications take the first lock behind the others as
-- well, every second try does so, too (in_turns): in one order alone, busy writers may leave it no moment. Ends the sessions in the way only where
-- pgcleave.terminate_blockers is on, and never an autovacuum.
CREATE FUNCTION {{ c.names.lock.sql() }}(target regclass, locks text[], alters text[] DEFAULT '{}', in_turns boolean DEFAULT false) RETURNS void
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
ALTER FUNCTION {{ c.names.lock.sql() }}(regclass, text[], text[], boolean) OWNER TO {{ c.owner.sql() }};
ALTER FUNCTION {{ c.names.fingerprint.sql() }}(regclass) OWNER TO {{ c.owner.sql() }};
