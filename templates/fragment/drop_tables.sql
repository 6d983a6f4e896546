DROP TABLE {{ c.names.state.sql() }};
DROP TABLE {{ c.names.settings.sql() }};
DROP TABLE {{ c.names.segments.sql() }};
DROP TABLE {{ c.names.index_builds.sql() }};
DROP TABLE {{ c.names.truncations.sql() }};
{%- if c.is_referenced() %}
DROP TABLE {{ c.names.moves.sql() }};
{%- endif %}
DROP TABLE {{ c.names.log.sql() }};
