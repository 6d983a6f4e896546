CALL {{ c.names.move_incoming.sql() }}(true);
