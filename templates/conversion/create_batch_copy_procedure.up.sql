{% include "fragment/wait.sql" %}

{% include "fragment/copy_batches.sql" %}

{% include "fragment/build_partition_indexes.sql" %}

{% include "fragment/drain.sql" %}

{% include "fragment/catch_up.sql" %}

{% include "fragment/mark.sql" %}

{% include "fragment/compare.sql" %}

{% include "fragment/repair.sql" %}
{%- if c.moves_foreign_keys() %}

{% include "fragment/move_incoming.sql" %}
{%- endif %}
{%- if c.has_foreign_keys() %}

{% include "fragment/add_foreign_keys.sql" %}
{%- endif %}

{% include "fragment/revoke_functions.sql" %}
