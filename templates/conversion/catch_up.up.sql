CALL {{ c.names.catch_up.sql() }}(500);
