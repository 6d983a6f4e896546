{%- if c.moves_foreign_keys() -%}
DROP PROCEDURE {{ c.names.move_incoming.sql() }}(boolean);
{% endif -%}
{%- if c.has_foreign_keys() -%}
DROP PROCEDURE {{ c.names.add_foreign_keys.sql() }}();
{% endif -%}
DROP FUNCTION {{ c.names.repair.sql() }}({{ c.names.log.sql() }});
DROP FUNCTION {{ c.names.compare.sql() }}();
DROP FUNCTION {{ c.names.mark.sql() }}(regclass);
DROP PROCEDURE {{ c.names.catch_up.sql() }}(bigint);
DROP FUNCTION {{ c.names.drain.sql() }}(bigint);
DROP PROCEDURE {{ c.names.copy_batches.sql() }}(bigint);
DROP PROCEDURE {{ c.names.build_partition_indexes.sql() }}();
DROP PROCEDURE {{ c.names.wait.sql() }}();
