DROP TABLE {{ c.names.copy.sql() }};
DROP FUNCTION {{ c.names.lock.sql() }}(regclass, text[], text[], boolean);
DROP FUNCTION {{ c.names.fingerprint.sql() }}(regclass);
