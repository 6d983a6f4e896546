TRUNCATE {{ c.names.copy.sql() }};
TRUNCATE {{ c.names.segments.sql() }};
UPDATE {{ c.names.state.sql() }} SET source_filenode = NULL;
