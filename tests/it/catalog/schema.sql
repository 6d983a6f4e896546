-- One table with nearly everything that a table can have; read by catalog.rs.
CREATE ROLE app_reader;
CREATE ROLE app_owner;
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
CREATE SCHEMA "App";
GRANT USAGE, CREATE ON SCHEMA "App" TO app_owner;
CREATE TYPE "App".mood AS ENUM ('calm', 'cross');
CREATE DOMAIN "App".moment AS timestamptz;
CREATE DOMAIN "App".late_moment AS "App".moment;
CREATE COLLATION "App".unordered (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE "App".customers (id bigint PRIMARY KEY, region int NOT NULL, UNIQUE (region, id));
CREATE TABLE "App"."Events" (
    id bigint GENERATED ALWAYS AS IDENTITY,
    "Created At" "App".late_moment NOT NULL DEFAULT now(),
    gone text,
    counter serial,
    customer_id bigint,
    region int,
    mood "App".mood DEFAULT 'calm',
    email public.citext,
    payload jsonb,
    raw json,
    tags text[],
    name varchar(40) COLLATE "C",
    label text COLLATE "App".unordered,
    amount numeric(10, 2) CONSTRAINT amount_positive CHECK (amount > 0),
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    "quo""te" text,
    span tstzrange,
    PRIMARY KEY (id),
    CONSTRAINT counter_once UNIQUE (counter, amount) INCLUDE (region) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT no_overlap EXCLUDE USING gist (span WITH &&),
    CONSTRAINT customer_fk FOREIGN KEY (region, customer_id) REFERENCES "App".customers (region, id)
) WITH (fillfactor = 80, toast.autovacuum_enabled = false);
ALTER TABLE "App"."Events" DROP COLUMN gone;
ALTER TABLE "App"."Events" ADD CONSTRAINT name_short CHECK (length(name) < 30) NOT VALID;
ALTER TABLE "App"."Events" ADD CONSTRAINT loose_fk FOREIGN KEY (customer_id)
    REFERENCES "App".customers (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE "App"."Events" ADD parent_id bigint CONSTRAINT parent_fk REFERENCES "App"."Events" (id);
ALTER TABLE "App"."Events" ALTER region SET STATISTICS 500;
ALTER TABLE "App"."Events" ALTER region SET (n_distinct = -0.5);
CREATE TABLE "App".children (event_id bigint CONSTRAINT event_fk REFERENCES "App"."Events" (id));

CREATE UNIQUE INDEX email_once ON "App"."Events" (email) WHERE mood = 'calm';
CREATE UNIQUE INDEX label_once ON "App"."Events" (label, region);
CREATE UNIQUE INDEX lower_once ON "App"."Events" (lower("quo""te"));
CREATE INDEX by_expression ON "App"."Events" (lower(name), (region + 1)) INCLUDE (region)
    WITH (fillfactor = 70);
ALTER INDEX "App".by_expression ALTER COLUMN 1 SET STATISTICS 300;
CREATE INDEX by_pattern ON "App"."Events" (name text_pattern_ops DESC NULLS LAST)
    WHERE "Created At" > '2024-01-01 00:00:00+00';
CREATE INDEX by_payload ON "App"."Events" USING gin (payload jsonb_path_ops);
CREATE INDEX "By Time" ON "App"."Events" USING brin ("Created At");
COMMENT ON INDEX "App"."By Time" IS 'the time index';
CREATE STATISTICS "App".correlated (dependencies) ON region, customer_id FROM "App"."Events";
COMMENT ON TABLE "App"."Events" IS 'it''s all here';
COMMENT ON COLUMN "App"."Events".mood IS 'how they felt';
COMMENT ON CONSTRAINT amount_positive ON "App"."Events" IS 'no refunds';

CREATE FUNCTION "App".on_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "On Event" AFTER UPDATE OF region ON "App"."Events" FOR EACH ROW
    WHEN (OLD.region IS DISTINCT FROM NEW.region) EXECUTE FUNCTION "App".on_event();
CREATE TRIGGER on_insert AFTER INSERT ON "App"."Events" REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION "App".on_event();
ALTER TABLE "App"."Events" ENABLE ALWAYS TRIGGER on_insert;
CREATE TRIGGER pgcleave_sync AFTER INSERT ON "App"."Events" FOR EACH ROW EXECUTE FUNCTION "App".on_event();
COMMENT ON TRIGGER on_insert ON "App"."Events" IS 'counts';

CREATE VIEW "App".calm WITH (security_barrier) AS SELECT id, region FROM "App"."Events" WHERE mood = 'calm';
CREATE VIEW "App".above AS SELECT c.id, e.amount FROM "App".calm c JOIN "App"."Events" e USING (id);
CREATE VIEW "App".indirect AS SELECT id FROM "App".above;
CREATE VIEW "App".grouped AS SELECT id, region, count(*) FROM "App"."Events" GROUP BY id;
CREATE VIEW "App".whole AS SELECT e FROM "App"."Events" e;
CREATE MATERIALIZED VIEW "App".stored AS SELECT region, count(*) FROM "App"."Events" GROUP BY region;
CREATE RULE no_truncate AS ON DELETE TO "App"."Events" WHERE OLD.id < 0 DO INSTEAD NOTHING;
CREATE RULE elsewhere AS ON INSERT TO "App".children DO ALSO SELECT count(*) FROM "App"."Events";
CREATE FUNCTION "App".amount_of("App"."Events") RETURNS numeric LANGUAGE sql AS 'SELECT $1.amount';
CREATE FUNCTION "App".all_events() RETURNS SETOF "App"."Events" LANGUAGE sql AS 'SELECT * FROM "App"."Events"';
CREATE FUNCTION "App".how_many() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM "App"."Events"; END;
CREATE TABLE "App".archive (event "App"."Events", many "App"."Events"[]);
CREATE TABLE "App".named (of_table regclass DEFAULT '"App"."Events"'::regclass);
CREATE DOMAIN "App".an_event AS "App"."Events";
CREATE SEQUENCE "App".spare OWNED BY "App"."Events".region;
CREATE SEQUENCE "App".counter_2 OWNED BY "App"."Events".counter;
ALTER TABLE "App"."Events" ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON "App"."Events" TO app_reader USING (region = 1);
CREATE POLICY seen ON "App".children USING (EXISTS (SELECT FROM "App"."Events" e WHERE e.id = event_id));
CREATE PUBLICATION events_out FOR TABLE "App"."Events";
CREATE PUBLICATION all_out FOR ALL TABLES;

ALTER TABLE "App"."Events" OWNER TO app_owner;
GRANT SELECT ON "App"."Events" TO app_reader WITH GRANT OPTION;
GRANT SELECT ON "App"."Events" TO PUBLIC;
GRANT UPDATE (name, region) ON "App"."Events" TO app_reader;
REVOKE TRUNCATE ON "App"."Events" FROM app_owner;

INSERT INTO "App"."Events" ("Created At", amount)
VALUES ('2024-01-31 23:30:00.9+00', 1), ('0044-03-15 12:00:00+00 BC', 2), ('12024-05-06 07:08:09+00', 3);
ANALYZE "App"."Events";

CREATE TABLE public.plain_days (id int PRIMARY KEY, day date, at timestamp, note text);
CREATE INDEX ON public.plain_days (day);
INSERT INTO public.plain_days VALUES (1, '2024-02-29', NULL), (2, 'infinity', '2023-12-31 23:59:59.999'),
    (3, NULL, '-infinity'), (4, '2020-01-01', '2024-06-01');
CREATE TABLE public.days (id int);
CREATE TABLE "App".days (id int);
CREATE TABLE public.parted (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.parted_p1 PARTITION OF public.parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX parted_at ON public.parted (at);
CREATE INDEX parted_only ON ONLY public.parted (id);
INSERT INTO public.parted VALUES (1, '2024-05-05');
ANALYZE public.parted;
