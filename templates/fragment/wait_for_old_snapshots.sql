-- A transaction whose snapshot is older than the switch would see the new table without the rows that
-- the catch-up wrote later. Waits up to a minute for such transactions to end; holds no lock meanwhile.
DO $pgcleave$
DECLARE
    switch_xid xid;
    verified_at timestamptz;
    holders text;
BEGIN
    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
       AND position('unseen_snapshots' IN coalesce(current_setting('pgcleave.allow', true), '')) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'PGC04',
            MESSAGE = format('the role %I cannot see whether others hold snapshots older than the switch', current_user),
            HINT = 'GRANT pg_read_all_stats to it, or make sure that no REPEATABLE READ transaction is that old and allow unseen_snapshots';
    END IF;
    SELECT s.switch_xid::xid, s.verified_at INTO switch_xid, verified_at FROM {{ c.names.state.sql() }} s;
    FOR attempt IN 1 .. 120 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT string_agg(format('pid %s (%s, transaction open for %s s)', a.pid, coalesce(a.usename, a.backend_type),
                   coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start))::text, '?')), '; ')
          INTO holders
          FROM pg_stat_activity a
         WHERE a.pid <> pg_backend_pid() AND (a.datid IS NULL OR a.datname = current_database())
           AND age(a.backend_xmin) >= age(switch_xid)
           AND a.pid NOT IN (SELECT p.pid FROM pg_stat_progress_vacuum p)
           -- An old transaction of whatever database makes every snapshot beside it look old. What began
           -- after the verification, which came after the switch, isn't.
           AND coalesce(a.xact_start, '-infinity') <= verified_at;
        EXIT WHEN holders IS NULL;
        IF attempt % 10 = 1 THEN
            RAISE NOTICE 'waiting for snapshots older than the switch: %', holders;
        END IF;
        PERFORM pg_sleep(0.5);
    END LOOP;
    IF holders IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = 'transactions with snapshots older than the switch are still open: ' || holders,
            HINT = 'end them, then run this step again; nothing has changed';
    END IF;
END
$pgcleave$;
