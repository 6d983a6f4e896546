-- Waits between two batches, as long as the settings say so; holds no lock and no snapshot meanwhile.
-- The settings table may be changed at any time, by an UPDATE or by pgcleave throttle. A session that has set
-- pgcleave.run_until (seconds since 1970) neither waits nor copies beyond that.
CREATE PROCEDURE {{ c.names.wait.sql() }}()
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    settings {{ c.names.settings.sql() }};
    reason text;
    figure numeric;
    answer boolean;
    slept boolean := false;
BEGIN
    LOOP
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        SELECT * INTO settings FROM {{ c.names.settings.sql() }};
        EXIT WHEN (SELECT stop_requested FROM {{ c.names.state.sql() }})
            OR {% include "fragment/time_is_up.sql" %};
        IF NOT slept THEN
            slept := true;
            PERFORM pg_sleep(settings.sleep_milliseconds / 1000.0);
            CONTINUE; -- for the settings may have changed meanwhile
        END IF;
        reason := settings.paused_by;
        IF reason IS NULL AND settings.max_replica_lag IS NOT NULL THEN
            SELECT format('replica %s lags by %s s, over %s s', application_name, round(extract(epoch FROM replay_lag), 1),
                          round(extract(epoch FROM settings.max_replica_lag), 1))
              INTO reason FROM pg_stat_replication WHERE replay_lag > settings.max_replica_lag ORDER BY replay_lag DESC LIMIT 1;
        END IF;
        IF reason IS NULL AND settings.max_retained_wal IS NOT NULL THEN
            SELECT format('replication slot %s retains %s of WAL, over %s', slot_name, pg_size_pretty(bytes),
                          pg_size_pretty(settings.max_retained_wal::numeric))
              INTO reason
              FROM (SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) AS bytes FROM pg_replication_slots) s
             WHERE bytes > settings.max_retained_wal ORDER BY bytes DESC LIMIT 1;
        END IF;
        IF reason IS NULL AND settings.max_active_sessions IS NOT NULL THEN
            PERFORM pg_stat_clear_snapshot();
            SELECT count(*) INTO figure FROM pg_stat_activity
             WHERE state = 'active' AND backend_type = 'client backend' AND application_name <> 'pgcleave' AND pid <> pg_backend_pid();
            IF figure > settings.max_active_sessions THEN
                reason := format('%s sessions are active, over %s', figure, settings.max_active_sessions);
            END IF;
        END IF;
        IF reason IS NULL AND settings.throttle_query IS NOT NULL THEN
            EXECUTE settings.throttle_query INTO answer;
            IF answer THEN
                reason := format('the query %s says so', settings.throttle_query);
            END IF;
        END IF;
        EXIT WHEN reason IS NULL;
        UPDATE {{ c.names.state.sql() }} SET waiting_for = reason WHERE waiting_for IS DISTINCT FROM reason;
        COMMIT;
        PERFORM pg_sleep(0.3);
    END LOOP;
    UPDATE {{ c.names.state.sql() }} SET waiting_for = NULL WHERE waiting_for IS NOT NULL;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.wait.sql() }}() OWNER TO {{ c.owner.sql() }};
