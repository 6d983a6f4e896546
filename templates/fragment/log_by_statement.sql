-- Whoever applies changes of logical replication fires no statement triggers: for those, who write as replica, there is the
-- row trigger. ALWAYS: all other writers, whatever their session_replication_role is or becomes within a statement.
ALTER TABLE {{ c.names.source.sql() }} ENABLE ALWAYS TRIGGER pgcleave_log_insert, ENABLE ALWAYS TRIGGER pgcleave_log_update,
    ENABLE ALWAYS TRIGGER pgcleave_log_delete, ENABLE REPLICA TRIGGER pgcleave_sync;
