CALL {{ c.names.copy_batches.sql() }}({{ c.batch_blocks.sql() }});
