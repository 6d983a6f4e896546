-- Waits for the page of a catch-up that is under way elsewhere, and lets no other begin: psql and pg_cron take no
-- lock of apply's. It hurts no writer.
SELECT {{ c.names.lock.sql() }}({{ c.names.settings.literal().sql() }}, ARRAY[
    {{ c.lock_settings_share_update_exclusive.sql() }}
]);
