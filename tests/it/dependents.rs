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
