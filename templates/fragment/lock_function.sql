-- Runs the statements, all or none, each waiting at most 500 ms for its lock, because everybody who
-- comes later queues behind a waiting lock. Tries again with growing, jittered pauses. An ordinary
-- autovacuum gives way only after deadlock_timeout, so every fifth try waits a little longer than that.
CREATE FUNCTION {{ c.names.lock.sql() }}(target regclass, statements text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $pgcleave$
DECLARE
    tries CONSTANT int := coalesce(nullif(current_setting('pgcleave.lock_tries', true), '')::int, 20);
    beyond_deadlock_timeout CONSTANT int := (SELECT setting::int + 200 FROM pg_settings WHERE name = 'deadlock_timeout');
    statement text;
    holders text;
BEGIN
    FOR attempt IN 1 .. tries LOOP
        IF EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                   WHERE l.relation = target AND l.granted AND a.backend_type = 'autovacuum worker'
                     AND a.query LIKE '%(to prevent wraparound)') THEN
            RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
                MESSAGE = format('an autovacuum to prevent wraparound holds %s, and it does not give way', target),
                HINT = 'wait until it is done (pg_stat_progress_vacuum), then run this step again';
        END IF;
        BEGIN
            PERFORM set_config('lock_timeout', CASE WHEN attempt % 5 = 0 THEN beyond_deadlock_timeout ELSE 500 END || 'ms', true);
            FOREACH statement IN ARRAY statements LOOP
                EXECUTE statement;
            END LOOP;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            SELECT string_agg(DISTINCT format('pid %s (%s%s, %s, transaction open for %s s)', l.pid,
                       coalesce(a.usename, a.backend_type, '?'), coalesce(' ' || nullif(a.application_name, ''), ''),
                       coalesce(a.state, 'no state shown'),
                       coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start))::text, '?')), '; ')
              INTO holders
              FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
             WHERE l.relation = target AND l.granted AND l.pid <> pg_backend_pid();
            RAISE NOTICE 'try % of %: the lock on % was not to be had; held by: %',
                attempt, tries, target, coalesce(holders, 'nobody any more');
            PERFORM pg_sleep(least(0.1 * 2 ^ least(attempt, 7), 8) * (0.5 + random()));
        END;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('the lock on %s was not to be had within %s tries; nothing has changed', target, tries),
        HINT = 'end the transactions named above, or run this step again at a quieter hour';
END
$pgcleave$;
ALTER FUNCTION {{ c.names.lock.sql() }}(regclass, text[]) OWNER TO {{ c.owner.sql() }};
ALTER FUNCTION {{ c.names.fingerprint.sql() }}(regclass) OWNER TO {{ c.owner.sql() }};
