TRUNCATE {{ c.names.copy.sql() }};
UPDATE {{ c.names.state.sql() }} SET source_filenode = NULL, next_block = 0, end_block = NULL, rows_copied = 0;
