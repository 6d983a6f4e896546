{% include "fragment/drop_procedures.sql" %}
