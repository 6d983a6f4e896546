{%- for view in c.materialized_views.iter().rev() %}
DROP MATERIALIZED VIEW IF EXISTS {{ view.copy.sql() }};
{%- endfor %}
UPDATE {{ c.names.state.sql() }} SET materialized_views_built = false;
