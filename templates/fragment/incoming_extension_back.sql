DROP TRIGGER {{ e.fill_trigger.sql() }} ON {{ k.child.sql() }};
DROP FUNCTION {{ e.fill.sql() }}();
ALTER TABLE {{ k.child.sql() }} {{ e.drop_columns.sql() }}
