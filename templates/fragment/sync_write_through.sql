-- Phase B: brings the copy's row to what the source holds now. It re-reads the source instead of
-- trusting NEW, which another trigger may have made stale. The id of the transaction that switched is
-- part of the function: a REPEATABLE READ or SERIALIZABLE transaction whose snapshot is older can't see
-- what the catch-up wrote, and must be retried.
DO $pgcleave_make$
BEGIN
    EXECUTE replace($pgcleave_text$
CREATE OR REPLACE FUNCTION {{ c.names.sync.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        IF NOT pg_visible_in_snapshot('@switch_xid@', pg_current_snapshot()) THEN
            RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
                MESSAGE = 'could not serialize access: the table was put in step with its partitioned copy after this transaction began',
                HINT = 'retry the transaction';
        END IF;
        -- An old snapshot still shows a row that another transaction has deleted since: locking it says so (40001).
        IF TG_OP <> 'INSERT' THEN
            PERFORM FROM ONLY {{ c.names.source.sql() }} s WHERE {{ c.row_key.equal("s", "OLD") }} FOR KEY SHARE;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM FROM ONLY {{ c.names.source.sql() }} s WHERE {{ c.row_key.equal("s", "NEW") }} FOR KEY SHARE;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND NOT ({{ c.row_key.equal("OLD", "NEW") }})) THEN
        DELETE FROM {{ c.names.copy.sql() }} c
         WHERE {{ c.row_key.equal("c", "OLD") }}
           AND NOT EXISTS (SELECT FROM ONLY {{ c.names.source.sql() }} s WHERE {{ c.row_key.equal("s", "OLD") }});
    END IF;
    IF TG_OP <> 'DELETE' THEN
{%- for unique in c.other_unique_keys_of_copy %}
        -- A row that still holds the value is one that this transaction has changed too: its own event brings it back.
        DELETE FROM {{ c.names.copy.sql() }} c USING ONLY {{ c.names.source.sql() }} s
         WHERE {{ c.row_key.equal("s", "NEW") }} AND {{ unique.equal("c", "s") }} AND NOT ({{ c.row_key.equal("c", "s") }})
           AND NOT EXISTS (SELECT FROM ONLY {{ c.names.source.sql() }} o
                            WHERE {{ c.row_key.equal("o", "c") }} AND {{ unique.equal("o", "c") }});
{%- endfor %}
{%- for exclusion in c.exclusions %}
        -- The same for rows that an exclusion constraint keeps apart.
        DELETE FROM {{ c.names.copy.sql() }} c
         USING (SELECT {{ c.log_columns.of("x") }}
                  FROM (SELECT *, {{ exclusion.elements.sql() }} FROM {{ c.names.copy.sql() }}{{ exclusion.filter.sql() }}) x,
                       (SELECT *, {{ exclusion.elements.sql() }} FROM ONLY {{ c.names.source.sql() }}{{ exclusion.filter.sql() }}) s
                 WHERE {{ c.row_key.equal("s", "NEW") }} AND {{ exclusion.conflict.equal("x", "s") }} AND NOT ({{ c.row_key.equal("x", "s") }})
                   AND NOT EXISTS (SELECT FROM (SELECT *, {{ exclusion.elements.sql() }} FROM ONLY {{ c.names.source.sql() }}{{ exclusion.filter.sql() }}) o
                                    WHERE {{ c.row_key.equal("o", "x") }} AND {{ exclusion.conflict.equal("o", "s") }})) stale
         WHERE {{ c.row_key.equal("c", "stale") }};
{%- endfor %}
{%- for unique in c.deferrable_unique_keys_of_copy %}
        -- Checked at COMMIT: two rows may have exchanged values, and the other's event is yet to come. Once a statement, as
        -- it looks at every partition; again where somebody made it immediate since and it matters.
        IF current_setting('pgcleave.deferred', true) IS DISTINCT FROM statement_timestamp()::text
           OR EXISTS (SELECT FROM {{ c.names.copy.sql() }} c, ONLY {{ c.names.source.sql() }} s
                       WHERE {{ c.row_key.equal("s", "NEW") }} AND {{ unique.columns.equal("c", "s") }} AND NOT ({{ c.row_key.equal("c", "s") }})) THEN
            SET CONSTRAINTS {{ unique.copy.sql() }} DEFERRED;
        END IF;
{%- endfor %}
{%- if !c.deferrable_unique_keys_of_copy.is_empty() %}
        PERFORM set_config('pgcleave.deferred', statement_timestamp()::text, true);
{%- endif %}
        INSERT INTO {{ c.names.copy.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
        SELECT {{ c.writable_columns.of("s") }}
          FROM ONLY {{ c.names.source.sql() }} s WHERE {{ c.row_key.equal("s", "NEW") }}
        ON CONFLICT ({{ c.row_key.list().sql() }}) {{ c.upsert_by_row_key.sql() }};
    END IF;
    RETURN NULL;
END
$pgcleave$;
$pgcleave_text$, '@switch_xid@', (SELECT switch_xid::text FROM {{ c.names.state.sql() }}));
END
$pgcleave_make$;
CREATE OR REPLACE FUNCTION {{ c.names.sync_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
{%- include "fragment/check_foreign_keys_now.sql" %}
{%- for unique in c.deferrable_unique_keys_of_copy %}
    SET CONSTRAINTS {{ unique.copy.sql() }} IMMEDIATE;
{%- endfor %}
    TRUNCATE {{ c.names.copy.sql() }};
    RETURN NULL;
END
$pgcleave$;
