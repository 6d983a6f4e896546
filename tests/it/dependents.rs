//! What hangs on the table while sessions use it: compiled functions, publications, event triggers.

use crate::support::Pgcleave;
use crate::versions::on_each_version;

const EVENTS: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'n' || i, now() - i * interval '6 hours' FROM generate_series(1, 300) i;";

#[test]
fn a_session_that_has_a_function_on_the_row_type_compiled_goes_on() {
    on_each_version(|_, database| {
        database.run_sql(&format!(
            "{EVENTS} ALTER TABLE events ADD gone int; ALTER TABLE events DROP gone;
             CREATE FUNCTION by_type(n bigint) RETURNS text LANGUAGE plpgsql AS $$
                DECLARE r events%ROWTYPE; BEGIN SELECT * INTO r FROM events WHERE id = n; RETURN r.note; END $$;
             CREATE FUNCTION by_variable(n bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
                DECLARE r public.events; many public.events[]; BEGIN
                SELECT * INTO r FROM public.events WHERE id = n; many := many || r;
                FOR r IN SELECT * FROM public.events WHERE id = n LOOP many := many || r; END LOOP;
                RETURN many[2].note; END $$;
             CREATE PROCEDURE in_procedure(n bigint, INOUT told text) LANGUAGE plpgsql AS $$
                DECLARE r EVENTS; BEGIN UPDATE events SET note = note WHERE id = n RETURNING * INTO r; told := r.note; END $$;
             CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS $$
                DECLARE r events := NEW; BEGIN r.note := upper(r.note); RETURN r; END $$;
             CREATE TRIGGER written BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION written()"
        ));
        let pgcleave = Pgcleave::new(&database);
        pgcleave.generate_monthly(&[]);
        let mut session = database.client();
        let mut id = 1000;
        let mut all_work = |when: &str| {
            id += 1;
            let row = session.query_one("SELECT public.by_type(7), public.by_variable(7)", &[]);
            let row = row.unwrap_or_else(|e| panic!("{when}: {e:?}"));
            assert_eq!((row.get(0), row.get(1)), ("n7", "n7"), "{when}");
            let call = session.query_one("CALL public.in_procedure(7, NULL)", &[]);
            assert_eq!(
                call.unwrap_or_else(|e| panic!("{when}: {e:?}")).get::<_, &str>(0),
                "n7"
            );
            let insert = format!("INSERT INTO public.events VALUES ({id}, 'new', now()) RETURNING note");
            let row = session.query_one(&insert, &[]);
            assert_eq!(
                row.unwrap_or_else(|e| panic!("{when}: {e:?}")).get::<_, &str>(0),
                "NEW"
            );
        };
        all_work("before");
        pgcleave.ok(&["-q", "apply", "--yes"]);
        all_work("after the cutover");
        pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
        all_work("after the rollback");
        pgcleave.ok(&["-q", "apply", "--yes"]);
        all_work("after the second cutover");
        pgcleave.ok(&["verify"]);
    });
}

#[test]
fn an_event_trigger_that_forbids_ddl_stops_the_step_whole() {
    on_each_version(|_, database| {
        database.run_sql(&format!(
            "{EVENTS} CREATE VIEW seen AS SELECT id FROM events;
             CREATE TABLE forbidden (tag text);
             CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF EXISTS (SELECT FROM public.forbidden f WHERE f.tag = tg_tag) THEN
                     RAISE EXCEPTION 'no % here', tg_tag USING HINT = 'ask the administrator';
                 END IF;
             END $$;
             CREATE EVENT TRIGGER \"No DDL\" ON ddl_command_end EXECUTE FUNCTION forbid()"
        ));
        let pgcleave = Pgcleave::new(&database);
        let said = pgcleave.run(&["inspect", "events", "--key", "at"]);
        assert!(
            said.stdout.contains("event triggers") && said.stdout.contains("No DDL"),
            "{}",
            said.stdout
        );
        pgcleave.generate_monthly(&[]);
        let before = database.dump();
        for (tag, through) in [
            ("CREATE FUNCTION", "create_partitioned_copy"),
            ("CREATE VIEW", "cut_over"),
        ] {
            database.run_sql(&format!("INSERT INTO forbidden VALUES ('{tag}')"));
            let said = pgcleave.run(&["-q", "apply", "--yes", "--through", through]);
            assert!(said.code != 0, "{tag}");
            for word in [through, &format!("no {tag} here"), "ask the administrator"] {
                assert!(said.stderr.contains(word), "{tag}: {}", said.stderr);
            }
            let kind = "SELECT relkind::text FROM pg_class WHERE oid = 'events'::regclass";
            assert_eq!(database.lines(kind), ["r"], "{tag}");
            database.run_sql("TRUNCATE forbidden");
            pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
        }
        pgcleave.ok(&["-q", "rollback", "--yes"]);
        database.run_sql("DROP SCHEMA IF EXISTS pgcleave CASCADE");
        assert_eq!(database.dump(), before);
    });
}

#[test]
fn security_labels_are_set_on_the_copy() {
    on_each_version(|_, database| {
        // A provider is rarely at hand, and the superuser may write what it would.
        database.run_sql(&format!(
            "{EVENTS} INSERT INTO pg_seclabel VALUES
                 ('events'::regclass, 'pg_class'::regclass, 0, 'Watch Dog', 'it''s secret'),
                 ('events'::regclass, 'pg_class'::regclass, 2, 'anon', 'MASKED WITH VALUE NULL')"
        ));
        let pgcleave = Pgcleave::new(&database);
        pgcleave.generate_monthly(&[]);
        let create = std::fs::read_to_string(&pgcleave.files("create_partitioned_copy.up.sql")[0]).unwrap();
        for label in [
            "SECURITY LABEL FOR \"Watch Dog\" ON TABLE \"public\".\"events_pgcleave_copy\" IS 'it''s secret';",
            "SECURITY LABEL FOR \"anon\" ON COLUMN \"public\".\"events_pgcleave_copy\".\"note\" IS 'MASKED WITH VALUE NULL';",
        ] {
            assert!(create.contains(label), "{create}");
        }
        // Nobody has loaded it here: the first step says so and nothing is half done.
        let said = pgcleave.run(&["-q", "apply", "--yes"]);
        assert!(
            said.code != 0 && said.stderr.contains("Watch Dog"),
            "{}",
            said.stderr
        );
        assert_eq!(
            database.lines("SELECT relname::text FROM pg_class WHERE relname LIKE '%pgcleave%'"),
            Vec::<String>::new()
        );
    });
}
