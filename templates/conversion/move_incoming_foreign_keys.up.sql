CALL {{ c.names.move_incoming.sql() }}(false);
