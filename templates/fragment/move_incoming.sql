-- Gives the foreign keys that point at the retired table the form that they have without it, or, to go back, the old
-- one: each in one short transaction, so that no moment is without it, and validated afterwards without blocking.
CREATE PROCEDURE {{ c.names.move_incoming.sql() }}(back boolean)
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    retired regclass;
    child regclass;
    names CONSTANT name[] := ARRAY[{% for k in c.incoming %}{{ k.name.literal().sql() }}{% if !loop.last %}, {% endif %}{% endfor %}];
    children CONSTANT text[] := ARRAY[{% for k in c.incoming %}{{ k.child.literal().sql() }}{% if !loop.last %}, {% endif %}{% endfor %}];
    forwards CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
        {{ k.forward.sql() }}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    backs CONSTANT text[] := ARRAY[
{%- for k in c.incoming %}
        {{ k.back.sql() }}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
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
    FOR i IN 1 .. cardinality(names) LOOP
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        child := to_regclass(children[i]);
        CONTINUE WHEN child IS NULL; -- dropped since
        is_old := EXISTS (SELECT FROM pg_constraint WHERE conrelid = child AND conname = names[i] AND confrelid = retired);
        IF is_old <> back THEN
            -- The table that refers to it first, as its writers lock them.
            PERFORM {{ c.names.lock.sql() }}(child, ARRAY[
                format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', child),
                format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', retired),
                CASE WHEN back THEN backs[i] ELSE forwards[i] END]);
        END IF;
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = child AND conname = names[i] AND NOT convalidated)
           AND names[i] = ANY (ARRAY[{% for k in c.incoming %}{% if k.validate %}{{ k.name.literal().sql() }}, {% endif %}{% endfor %}'']::name[]) THEN
            PERFORM {{ c.names.lock.sql() }}(child, ARRAY[format('ALTER TABLE %s VALIDATE CONSTRAINT %I', child, names[i])]);
        END IF;
    END LOOP;
    UPDATE {{ c.names.state.sql() }} SET foreign_keys_moved = NOT back;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.move_incoming.sql() }}(boolean) OWNER TO {{ c.owner.sql() }};
