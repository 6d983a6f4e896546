-- Event triggers that fire at what the conversion does.
SELECT e.evtname AS name
  FROM pg_catalog.pg_event_trigger e
 WHERE e.evtenabled <> 'D'
   AND e.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop', 'table_rewrite')
 ORDER BY e.evtname
