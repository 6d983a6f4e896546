CALL {{ c.names.build_partition_indexes.sql() }}();
