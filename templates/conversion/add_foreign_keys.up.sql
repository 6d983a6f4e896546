CALL {{ c.names.add_foreign_keys.sql() }}();
