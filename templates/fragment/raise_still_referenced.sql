
{%- if restricts %}
            IF current_setting('server_version_num')::int >= 180000 THEN
                RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
                    MESSAGE = format('update or delete on table "%s" violates RESTRICT setting of foreign key constraint "%s" on table "%s"',
                                     {{ c.names.source.name.literal().sql() }}, {{ k.name.literal().sql() }}, {{ k.child.name.literal().sql() }}),
                    DETAIL = format('Key %sis referenced from table "%s".', which, {{ k.child.name.literal().sql() }}),
                    SCHEMA = {{ k.child.schema.literal().sql() }}, TABLE = {{ k.child.name.literal().sql() }}, CONSTRAINT = {{ k.name.literal().sql() }};
            END IF;
{%- endif %}
            RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
                MESSAGE = format('update or delete on table "%s" violates foreign key constraint "%s" on table "%s"',
                                 {{ c.names.source.name.literal().sql() }}, {{ k.name.literal().sql() }}, {{ k.child.name.literal().sql() }}),
                DETAIL = format('Key %sis still referenced from table "%s".', which, {{ k.child.name.literal().sql() }}),
                SCHEMA = {{ k.child.schema.literal().sql() }}, TABLE = {{ k.child.name.literal().sql() }}, CONSTRAINT = {{ k.name.literal().sql() }};
