{% include "fragment/schedule.sql" %}
