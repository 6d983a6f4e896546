-- Gives the foreign keys that point at the retired table the form that they have without it, or, to go back, the old
-- one: each in short transactions, so that no moment is without it, and validated afterwards without blocking.
CREATE PROCEDURE {{ c.names.move_incoming.sql() }}(back boolean)
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    retired regclass;
    child regclass;
    locks text[];
    names CONSTANT name[] := ARRAY[{% for k in c.incoming %}{{ k.name.literal().sql() }}{% if !loop.last %}, {% endif %}{% endfor %}];
    children CONSTANT text[] := ARRAY[{% for k in c.incoming %}{{ k.child.literal().sql() }}{% if !loop.last %}, {% endif %}{% endfor %}];
    -- By position, as others may have the same name: those that must be valid, in either form.
    validated CONSTANT boolean[] := ARRAY[{% for k in c.incoming %}{% if k.validate %}true{% else %}false{% endif %}{% if !loop.last %}, {% endif %}{% endfor %}];
    -- Those whose new form hangs on the partitioned table itself.
    alter_table CONSTANT boolean[] := ARRAY[{% for k in c.incoming %}{% if k.alters_table %}true{% else %}false{% endif %}{% if !loop.last %}, {% endif %}{% endfor %}];
    forwards CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
{%- match k.lasting %}
{%- when Lasting::Statement(forward, _) %}
        {{ forward.sql() }}
{%- when Lasting::Triggers(t) %}
        $pgcleave_forward$
{% include "fragment/incoming_triggers.sql" %}
        $pgcleave_forward$
{%- when Lasting::Extension(e) %}
        $pgcleave_forward$
ALTER TABLE {{ k.child.sql() }} DROP CONSTRAINT {{ e.old_name.sql() }}
        $pgcleave_forward$
{%- endmatch %}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    backs CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
{%- match k.lasting %}
{%- when Lasting::Statement(_, back) %}
        {{ back.sql() }}
{%- when Lasting::Triggers(t) %}
        $pgcleave_back$
{% include "fragment/incoming_triggers_back.sql" %}
        $pgcleave_back$
{%- when Lasting::Extension(e) %}
        $pgcleave_back$
ALTER TABLE {{ k.child.sql() }} DROP CONSTRAINT {{ k.name.sql() }};
{{ e.back.sql() }};
{% include "fragment/incoming_extension_back.sql" %}
        $pgcleave_back$
{%- endmatch %}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
{%- if c.extends_incoming() %}
    -- Of those that get the partition key as a column; NULL for the others.
    prepares CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
{%- match k.lasting %}
{%- when Lasting::Extension(e) %}
        $pgcleave_forward$
{% include "fragment/incoming_extension.sql" %}
        $pgcleave_forward$
{%- when Lasting::Statement(_, _) %}
        NULL
{%- when Lasting::Triggers(_) %}
        NULL
{%- endmatch %}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    -- What the old ones are called while both are there.
    old_names CONSTANT text[] := ARRAY[{% for k in c.incoming %}{% match k.lasting %}{% when Lasting::Extension(e) %}{{ e.old_name.literal().sql() }}{% else %}NULL{% endmatch %}{% if !loop.last %}, {% endif %}{% endfor %}];
    fill_triggers CONSTANT text[] := ARRAY[{% for k in c.incoming %}{% match k.lasting %}{% when Lasting::Extension(e) %}{{ e.fill_trigger.literal().sql() }}{% else %}NULL{% endmatch %}{% if !loop.last %}, {% endif %}{% endfor %}];
    -- The trigger fills what is NULL.
    fills CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
{%- match k.lasting %}
{%- when Lasting::Extension(e) %}
        $pgcleave_forward$UPDATE ONLY {{ k.child.sql() }} c SET ({{ e.added.sql() }}) = ROW({{ e.added.of("c") }})
 WHERE c.ctid >= $1 AND c.ctid < $2 AND num_nulls({{ e.added.of("c") }}) > 0 AND num_nulls({{ e.columns.of("c") }}) = 0
   AND EXISTS (SELECT FROM {{ c.names.source.sql() }} p WHERE {{ e.parent_of_child.sql() }})$pgcleave_forward$
{%- when Lasting::Statement(_, _) %}
        NULL
{%- when Lasting::Triggers(_) %}
        NULL
{%- endmatch %}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    undos CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
{%- match k.lasting %}
{%- when Lasting::Extension(e) %}
        $pgcleave_back$
ALTER TABLE {{ k.child.sql() }} DROP CONSTRAINT {{ k.name.sql() }};
ALTER TABLE {{ k.child.sql() }} RENAME CONSTRAINT {{ e.old_name.sql() }} TO {{ k.name.sql() }};
{% include "fragment/incoming_extension_back.sql" %}
        $pgcleave_back$
{%- when Lasting::Statement(_, _) %}
        NULL
{%- when Lasting::Triggers(_) %}
        NULL
{%- endmatch %}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    is_prepared boolean;
    blocks bigint;
    first bigint;
    is_filled boolean;
    complaint text;
    deadlock_timeout CONSTANT int := (SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout');
    other_triggers text;
    may_be_replica CONSTANT boolean := current_setting('is_superuser')::boolean;
{%- endif %}
    is_old boolean;
BEGIN
    COMMIT; -- fails at once inside a transaction block
    SET LOCAL search_path = pg_catalog, pg_temp;
    retired := to_regclass({{ c.names.retired.literal().sql() }});
    IF retired IS NULL OR (NOT back AND NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE cutover_verified_at IS NOT NULL)) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the partitioned table was not verified against the retired one since the cutover',
            HINT = 'run the step verify_cutover first';
    END IF;
    IF NOT back THEN
        UPDATE {{ c.names.state.sql() }} SET foreign_keys_moving = true; -- whatever becomes of us, a rollback undoes it
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        child := to_regclass(children[i]);
        CONTINUE WHEN child IS NULL; -- dropped since
        -- The table that refers to it first, as its writers lock them, or last, as a cascade does. Writers of the
        -- partitioned table wait for the retired one anyway: it is better that they do before they hold any other lock.
        locks := ARRAY[
            format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', child),
            format('LOCK TABLE ONLY %s IN %s MODE', {{ c.names.source.literal().sql() }},
                   CASE WHEN back AND alter_table[i] THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END),
            format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', retired)
        ];
        is_old := EXISTS (SELECT FROM pg_constraint WHERE conrelid = child AND conname = names[i] AND confrelid = retired);
{%- if c.extends_incoming() %}
        is_prepared := EXISTS (SELECT FROM pg_constraint WHERE conrelid = child AND conname = old_names[i] AND confrelid = retired);
        is_old := is_old OR is_prepared;
        IF is_prepared AND back THEN
            PERFORM {{ c.names.lock.sql() }}(child, locks, ARRAY[undos[i]], true);
        ELSIF is_old AND NOT back AND prepares[i] IS NOT NULL THEN
            -- What fires at an UPDATE of any column would take the filling for one.
            SELECT string_agg(quote_ident(tgname), ', ' ORDER BY tgname) INTO other_triggers FROM pg_trigger
             WHERE tgrelid = child AND NOT tgisinternal AND tgenabled = 'O' AND tgtype & 16 > 0 AND tgattr::text = '' AND tgname <> fill_triggers[i];
            IF other_triggers IS NOT NULL AND NOT may_be_replica THEN
                RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
                    MESSAGE = format('filling a new column of %s would fire its triggers for UPDATE: %s', child, other_triggers),
                    HINT = 'run this step as a superuser, who can hold them off, or disable them for as long as it takes';
            END IF;
            IF NOT is_prepared THEN
                PERFORM {{ c.names.lock.sql() }}(child, locks, ARRAY[prepares[i]], true);
            END IF;
            -- Whatever is written to other blocks later is filled by the trigger.
            blocks := pg_relation_size(child) / current_setting('block_size')::int;
            first := 0;
            WHILE first < blocks LOOP
                FOR attempt IN 1 .. 50 LOOP
                    COMMIT;
                    SET LOCAL search_path = pg_catalog, pg_temp;
                    BEGIN
                        IF other_triggers IS NOT NULL THEN
                            SET LOCAL session_replication_role = replica;
                        END IF;
                        -- Whoever moves a row that is referred to waits for us, or we for them: we give up first.
                        PERFORM set_config('lock_timeout', greatest(1, deadlock_timeout / 2) || 'ms', true);
                        EXECUTE fills[i] USING format('(%s,0)', first)::tid, format('(%s,0)', first + 64)::tid;
                        is_filled := true;
                    EXCEPTION WHEN lock_not_available OR deadlock_detected OR serialization_failure OR foreign_key_violation THEN
                        is_filled := false;
                        complaint := SQLERRM;
                    END;
                    EXIT WHEN is_filled;
                    PERFORM pg_sleep(least(0.05 * attempt, 1) * (0.5 + random()));
                END LOOP;
                IF NOT is_filled THEN
                    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
                        MESSAGE = format('blocks %s to %s of %s could not be filled: %s', first, first + 63, child, complaint),
                        HINT = 'run this step again: it goes on with what is left';
                END IF;
                first := first + 64;
            END LOOP;
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            -- The old one goes when the new one is valid.
            IF validated[i] AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = child AND conname = names[i] AND NOT convalidated) THEN
                PERFORM {{ c.names.lock.sql() }}(child, ARRAY[format('ALTER TABLE %s VALIDATE CONSTRAINT %I', child, names[i])]);
            END IF;
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
        END IF;
{%- endif %}
        IF is_old <> back THEN
            PERFORM {{ c.names.lock.sql() }}(child, locks, ARRAY[CASE WHEN back THEN backs[i] ELSE forwards[i] END], true);
        END IF;
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        IF validated[i] AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = child AND conname = names[i] AND contype = 'f' AND NOT convalidated) THEN
            PERFORM {{ c.names.lock.sql() }}(child, ARRAY[format('ALTER TABLE %s VALIDATE CONSTRAINT %I', child, names[i])]);
        END IF;
    END LOOP;
    UPDATE {{ c.names.state.sql() }} SET foreign_keys_moved = NOT back, foreign_keys_moving = NOT back;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.move_incoming.sql() }}(boolean) OWNER TO {{ c.owner.sql() }};
