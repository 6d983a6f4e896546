SELECT {{ c.names.check.sql() }}();
