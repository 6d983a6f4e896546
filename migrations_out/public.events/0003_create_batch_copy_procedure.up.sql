-- 0003_create_batch_copy_procedure.up.sql: Create the procedures that copy and catch up
-- Table: public.events
-- Lock: none on the source table
-- Takes: milliseconds
-- Undo: the down file drops the procedures
-- Hazards: none
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint c5ceeca2250c5462a6fc22bfcd8b8f50

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '500ms';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- Copies the source by block ranges, a transaction each, without row locks. Rows whose key is in the
-- change log are left to the catch-up. Goes on where it stopped; starts over if the source was rewritten.
CREATE PROCEDURE "public"."events_pgcleave_copy_batches"(blocks_per_batch bigint)
LANGUAGE plpgsql
AS $pgcleave$
#variable_conflict use_column
DECLARE
    source CONSTANT regclass := '"public"."events"';
    position_filenode oid;
    pgcleave_first bigint;
    pgcleave_last bigint;
    stop boolean;
    copied bigint;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where batches could not commit
    UPDATE "public"."events_pgcleave_state" SET stop_requested = false;
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED; -- whatever the session's default is
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL lock_timeout = '5s';
        SET LOCAL plan_cache_mode = force_custom_plan; -- the change log grows; a plan made for an empty one is bad
        -- Source before copy, as TRUNCATE locks them: the other order deadlocks.
        LOCK TABLE "public"."events" IN ACCESS SHARE MODE;
        PERFORM "public"."events_pgcleave_check"();
        SELECT source_filenode, next_block, end_block, stop_requested
          INTO position_filenode, pgcleave_first, pgcleave_last, stop
          FROM "public"."events_pgcleave_state" FOR UPDATE;
        EXIT WHEN stop OR pgcleave_first >= pgcleave_last;
        IF position_filenode IS DISTINCT FROM pg_relation_filenode(source) THEN
            -- The first batch, or VACUUM FULL, CLUSTER or TRUNCATE has moved every row: begin at block 0.
            TRUNCATE "public"."events_pgcleave_copy";
            UPDATE "public"."events_pgcleave_state" SET
                source_filenode = pg_relation_filenode(source), next_block = 0, rows_copied = 0,
                end_block = pg_relation_size(source) / current_setting('block_size')::bigint;
            CONTINUE;
        END IF;
        pgcleave_last := least(pgcleave_first + blocks_per_batch, pgcleave_last);
        INSERT INTO "public"."events_pgcleave_copy" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT s."id", s."account_id", s."payload", s."created_at"
          FROM ONLY "public"."events" s
         WHERE s.ctid >= format('(%s,0)', pgcleave_first)::tid AND s.ctid < format('(%s,0)', pgcleave_last)::tid
           AND NOT EXISTS (SELECT FROM "public"."events_pgcleave_log" l WHERE l."id" OPERATOR("pg_catalog".=) s."id");
        GET DIAGNOSTICS copied = ROW_COUNT;
        UPDATE "public"."events_pgcleave_state" SET next_block = pgcleave_last, rows_copied = rows_copied + copied;
    END LOOP;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_copy_batches"(bigint) OWNER TO "postgres";

-- Takes a page of primary keys (all of them for NULL) with all their entries from the change log and
-- brings their rows in the copy to what the source holds now. Returns the number of entries taken.
-- Its statements must see one snapshot: call it in a REPEATABLE READ transaction, or with the source
-- locked against writers.
CREATE FUNCTION "public"."events_pgcleave_drain"(pgcleave_page bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
DECLARE
    taken bigint;
BEGIN
    DELETE FROM "public"."events_pgcleave_truncations";
    IF FOUND THEN
        -- Whatever the source holds now was written after its TRUNCATE, and is in the change log.
        TRUNCATE "public"."events_pgcleave_copy";
    END IF;
    BEGIN
        DELETE FROM "public"."events_pgcleave_copy" c
         USING "public"."events_pgcleave_log" l,
               (SELECT DISTINCT "id" FROM "public"."events_pgcleave_log"
                 ORDER BY "id" LIMIT pgcleave_page) k
         WHERE l."id" OPERATOR("pg_catalog".=) k."id" AND c."id" OPERATOR("pg_catalog".=) l."id" AND c."created_at" OPERATOR("pg_catalog".=) l."created_at";
        INSERT INTO "public"."events_pgcleave_copy" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT s."id", s."account_id", s."payload", s."created_at"
          FROM ONLY "public"."events" s
          JOIN (SELECT DISTINCT "id" FROM "public"."events_pgcleave_log"
                 ORDER BY "id" LIMIT pgcleave_page) k ON s."id" OPERATOR("pg_catalog".=) k."id";
    EXCEPTION WHEN unique_violation THEN
        -- Two rows have exchanged values of a unique key, and only one of them is on this page.
        IF pgcleave_page IS NULL THEN
            RAISE;
        END IF;
        RETURN "public"."events_pgcleave_drain"(NULL);
    END;
    DELETE FROM "public"."events_pgcleave_log" l
     USING (SELECT DISTINCT "id" FROM "public"."events_pgcleave_log"
             ORDER BY "id" LIMIT pgcleave_page) k
     WHERE l."id" OPERATOR("pg_catalog".=) k."id";
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_drain"(bigint) OWNER TO "postgres";

-- Drains the change log page by page until little is left.
CREATE PROCEDURE "public"."events_pgcleave_catch_up"(little bigint)
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    taken bigint;
    stop boolean;
    began timestamptz;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where pages could not commit
    UPDATE "public"."events_pgcleave_state" SET stop_requested = false;
    COMMIT;
    ANALYZE "public"."events_pgcleave_log";
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; -- one snapshot for a page
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL lock_timeout = '5s';
        LOCK TABLE "public"."events" IN ACCESS SHARE MODE;
        PERFORM "public"."events_pgcleave_check"();
        IF NOT EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE next_block >= end_block AND switch_xid IS NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the batch copy is not complete, or the copy is in step already',
                HINT = 'see where the conversion stands: pgcleave status';
        END IF;
        taken := "public"."events_pgcleave_drain"(20000);
        SELECT stop_requested INTO stop FROM "public"."events_pgcleave_state";
        EXIT WHEN stop OR taken <= little;
    END LOOP;
    COMMIT;
    -- How long counting takes decides whether the switch may count with writers blocked.
    began := clock_timestamp();
    PERFORM (SELECT count(*) FROM ONLY "public"."events"), (SELECT count(*) FROM "public"."events_pgcleave_copy");
    UPDATE "public"."events_pgcleave_state" SET count_milliseconds = extract(epoch FROM clock_timestamp() - began) * 1000;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_catch_up"(bigint) OWNER TO "postgres";

-- Compares both tables in one snapshot: rows and a checksum of every row's text, per partition. Keys
-- still in the change log are left out while there is one. After the cutover it compares the new table
-- with the retired one.
CREATE FUNCTION "public"."events_pgcleave_compare"()
RETURNS TABLE (partition text, source_rows bigint, copy_rows bigint, source_sum numeric, copy_sum numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1
AS $pgcleave$
DECLARE
    other CONSTANT regclass := coalesce(to_regclass('"public"."events_pgcleave_retired"'), to_regclass('"public"."events_pgcleave_copy"'));
    settled text := '';
BEGIN
    IF EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE switch_xid IS NULL) THEN
        IF EXISTS (SELECT FROM "public"."events_pgcleave_truncations") THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'a TRUNCATE waits in the change log: nothing can be compared yet', HINT = 'run the step catch_up first';
        END IF;
        settled := $pgcleave_text$
            WHERE NOT EXISTS (SELECT FROM "public"."events_pgcleave_log" l WHERE l."id" OPERATOR("pg_catalog".=) t."id")$pgcleave_text$;
    END IF;
    RETURN QUERY EXECUTE $pgcleave_text$
        WITH names AS (
            SELECT name, ordinality - 1 AS bucket
              FROM unnest(ARRAY['events_default (before)', 'events_p2025_11', 'events_p2025_12', 'events_p2026_01', 'events_p2026_02', 'events_p2026_03', 'events_default (after)']::text[]) WITH ORDINALITY AS n (name, ordinality)
        ), source AS (
            SELECT width_bucket(t."created_at", ARRAY['2025-11-01 00:00:00+00:00', '2025-12-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', '2026-02-01 00:00:00+00:00', '2026-03-01 00:00:00+00:00', '2026-04-01 00:00:00+00:00']::timestamp with time zone[]) AS bucket,
                   count(*) AS n, sum(hashtextextended(ROW(t."id", t."account_id", t."payload", t."created_at")::text, 0)::numeric) AS h
              FROM "public"."events" t$pgcleave_text$ || settled || $pgcleave_text$ GROUP BY 1
        ), copy AS (
            SELECT width_bucket(t."created_at", ARRAY['2025-11-01 00:00:00+00:00', '2025-12-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', '2026-02-01 00:00:00+00:00', '2026-03-01 00:00:00+00:00', '2026-04-01 00:00:00+00:00']::timestamp with time zone[]) AS bucket,
                   count(*) AS n, sum(hashtextextended(ROW(t."id", t."account_id", t."payload", t."created_at")::text, 0)::numeric) AS h
              FROM $pgcleave_text$ || other || $pgcleave_text$ t$pgcleave_text$ || settled || $pgcleave_text$ GROUP BY 1
        )
        SELECT names.name, coalesce(source.n, 0), coalesce(copy.n, 0), coalesce(source.h, 0), coalesce(copy.h, 0)
          FROM names LEFT JOIN source USING (bucket) LEFT JOIN copy USING (bucket)
         ORDER BY bucket$pgcleave_text$;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_compare"() OWNER TO "postgres";

-- Adds the table's foreign keys to the copy without a long lock on the referenced tables: not valid on
-- each partition, validated there, then adopted by the parent without a scan. From PostgreSQL 18 on the
-- parent itself can have them not valid.
CREATE PROCEDURE "public"."events_pgcleave_add_foreign_keys"()
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    copy CONSTANT regclass := '"public"."events_pgcleave_copy"';
    names CONSTANT name[] := ARRAY['events_account_id_fkey'];
    definitions CONSTANT text[] := ARRAY['FOREIGN KEY (account_id) REFERENCES public.accounts(id)'];
    validated CONSTANT boolean[] := ARRAY[true];
    referenced CONSTANT regclass[] := ARRAY['"public"."accounts"']::text[]::regclass[];
    targets regclass[];
    target regclass;
BEGIN
    COMMIT; -- fails at once inside a transaction block
    IF current_setting('server_version_num')::int >= 180000 THEN
        targets := ARRAY[copy];
    ELSE
        targets := ARRAY(SELECT inhrelid FROM pg_inherits WHERE inhparent = copy ORDER BY inhrelid);
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        FOREACH target IN ARRAY targets LOOP
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i]) THEN
                PERFORM "public"."events_pgcleave_lock"(referenced[i], ARRAY[
                    format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', target, names[i], definitions[i])]);
            END IF;
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            IF validated[i] AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i] AND NOT convalidated) THEN
                PERFORM "public"."events_pgcleave_lock"(target, ARRAY[
                    format('ALTER TABLE %s VALIDATE CONSTRAINT %I', target, names[i])]);
            END IF;
        END LOOP;
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = copy AND conname = names[i]) THEN
            PERFORM "public"."events_pgcleave_lock"(referenced[i], ARRAY[
                format('ALTER TABLE %s ADD CONSTRAINT %I %s', copy, names[i], definitions[i])]);
        END IF;
    END LOOP;
    UPDATE "public"."events_pgcleave_state" SET foreign_keys_added = true;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_add_foreign_keys"() OWNER TO "postgres";

COMMIT;
