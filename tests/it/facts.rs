//! What PostgreSQL does that the conversion relies on, on each version: a version
//! that does otherwise is found here, not in somebody's table. Long because it is one
//! thing: a list.

use crate::sessions::Session;
use crate::support::Database;
use crate::versions::on_each_version;

const DEADLOCK: &str = "40P01";
const RETRY: &str = "40001";

/// A table of 20 rows, a partitioned copy of it and a log.
const TABLES: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at date NOT NULL);
    INSERT INTO events SELECT i, 'n', '2026-01-01' FROM generate_series(1, 20) i;
    CREATE TABLE copy (id bigint, note text, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE january PARTITION OF copy FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE february PARTITION OF copy FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    CREATE TABLE log (id bigint, op text, tab text);
    CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.log VALUES (coalesce(NEW.id, OLD.id), TG_OP, TG_TABLE_NAME); RETURN NULL; END $$;";

/// Sessions on a database of these tables, on each version.
fn sessions<const N: usize>(test: impl Fn([Session; N], &Database)) {
    on_each_version(|_, database| {
        database.run_sql(TABLES);
        let sessions = std::array::from_fn(|_| {
            let mut session = Session::open(&database);
            session.ok("SET deadlock_timeout = '50ms'");
            session
        });
        test(sessions, &database);
    });
}

// The names.

#[test]
fn statements_that_wait_while_names_change_go_to_the_new_table() {
    sessions(
        |[mut cutover, mut simple, mut prepared, mut procedural, mut reader], database| {
            let mut extended = database.client();
            let statement = extended
                .prepare("INSERT INTO events VALUES (104, 'extended', '2026-01-02')")
                .unwrap();
            prepared
                .ok("PREPARE p AS INSERT INTO events VALUES ($1, 'prepared', '2026-01-02'); EXECUTE p (90)");
            let write = "BEGIN INSERT INTO events VALUES (n, 'procedural', '2026-01-02'); END";
            procedural.ok(&format!(
                "CREATE FUNCTION put(n int) RETURNS void LANGUAGE plpgsql AS $$ {write} $$; SELECT put(91)"
            ));
            cutover.ok("BEGIN; LOCK TABLE events; ALTER TABLE events RENAME TO retired; ALTER TABLE copy RENAME TO events");
            simple.waits("INSERT INTO events VALUES (101, 'simple', '2026-01-02')");
            prepared.waits("EXECUTE p (102)");
            procedural.waits("SELECT put(103)");
            reader.waits("SELECT count(*) FROM events");
            let extended = std::thread::spawn(move || extended.execute(&statement, &[]).unwrap());
            cutover.ok("COMMIT");
            for session in [&mut simple, &mut prepared, &mut procedural] {
                session.finish().unwrap();
            }
            assert!(
                reader.finish().unwrap().rows[0].parse::<i64>().unwrap() <= 4,
                "the retired table holds 22"
            );
            extended.join().unwrap();
            assert_eq!(
                cutover.ok("SELECT id FROM events ORDER BY id"),
                ["101", "102", "103", "104"]
            );
            assert_eq!(cutover.ok("SELECT max(id) FROM retired"), ["91"]);
        },
    );
}

#[test]
fn views_stay_with_the_table_that_was_renamed() {
    sessions(|[mut session], _| {
        session.ok("CREATE VIEW seen AS SELECT id FROM events; ALTER TABLE events RENAME TO retired; ALTER TABLE copy RENAME TO events");
        assert_eq!(session.ok("SELECT count(*) FROM seen"), ["20"]);
        session.ok("CREATE OR REPLACE VIEW seen AS SELECT id FROM events");
        assert_eq!(session.ok("SELECT count(*) FROM seen"), ["0"]);
    });
}

// Locks.

#[test]
fn a_lock_that_is_made_stronger_deadlocks_with_a_reader_that_writes() {
    sessions(|[mut migration, mut application], _| {
        application.ok("BEGIN; SELECT count(*) FROM events");
        migration.ok("BEGIN; LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE");
        application.waits("UPDATE events SET note = 'x' WHERE id = 1");
        migration.start("LOCK TABLE events IN ACCESS EXCLUSIVE MODE");
        // One of them is the victim, and the other goes on.
        let outcomes = [migration.finish(), application.finish()];
        let victims: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        assert!(victims.len() == 1 && victims[0].code == DEADLOCK, "{victims:?}");
    });
    // At its final strength at once: the reader, who was first, writes and commits.
    sessions(|[mut migration, mut application], _| {
        application.ok("BEGIN; SELECT count(*) FROM events");
        migration.waits("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE");
        application.ok("UPDATE events SET note = 'x' WHERE id = 1; COMMIT");
        migration.finish().unwrap();
    });
}

#[test]
fn a_batch_that_locks_the_copy_first_deadlocks_with_a_truncate() {
    let batch = "INSERT INTO copy SELECT * FROM events";
    for (first, deadlocks) in [("", true), ("LOCK TABLE events IN ACCESS SHARE MODE;", false)] {
        sessions(|[mut truncate, mut copying], _| {
            truncate.ok("BEGIN; TRUNCATE events");
            copying.waits(&format!("BEGIN; {first} {batch}; COMMIT"));
            let outcome = truncate.run("TRUNCATE copy; COMMIT");
            let copied = copying.finish();
            let codes: Vec<_> = [outcome, copied]
                .into_iter()
                .filter_map(Result::err)
                .map(|fault| fault.code)
                .collect();
            assert_eq!(codes, if deadlocks { vec![DEADLOCK] } else { vec![] }, "{first}");
        });
    }
}

#[test]
fn a_lock_waits_before_the_snapshot_is_taken() {
    sessions(|[mut page, mut truncate], _| {
        truncate.ok("BEGIN; TRUNCATE events");
        page.ok("BEGIN ISOLATION LEVEL REPEATABLE READ");
        page.waits("LOCK TABLE events IN ACCESS SHARE MODE");
        truncate.ok("INSERT INTO events VALUES (99, 'late', '2026-01-01'); COMMIT");
        page.finish().unwrap();
        assert_eq!(page.ok("SELECT id FROM events"), ["99"]);
    });
}

// Triggers.

#[test]
fn creating_a_trigger_waits_for_writers_and_nothing_escapes_it_afterwards() {
    sessions(|[mut writer, mut old, mut migration], _| {
        writer.ok("BEGIN; UPDATE events SET note = 'x' WHERE id = 1");
        old.ok("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM log");
        migration.waits("CREATE TRIGGER log AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION log()");
        writer.ok("COMMIT");
        migration.finish().unwrap();
        old.ok("UPDATE events SET note = 'y' WHERE id = 2; COMMIT");
        assert_eq!(migration.ok("SELECT id FROM log"), ["2"]);
    });
}

#[test]
fn a_replaced_function_reaches_transactions_that_are_older() {
    sessions(|[mut old, mut migration], _| {
        migration.ok("CREATE TRIGGER log AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION log()");
        old.ok("BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE events SET note = 'x' WHERE id = 1");
        migration.ok(
            "CREATE OR REPLACE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.log VALUES (NEW.id, 'replaced'); RETURN NULL; END $$",
        );
        old.ok("UPDATE events SET note = 'x' WHERE id = 2; COMMIT");
        assert_eq!(
            migration.ok("SELECT id, op FROM log ORDER BY id"),
            ["1|UPDATE", "2|replaced"]
        );
    });
}

#[test]
fn only_a_trigger_that_is_always_enabled_fires_under_the_replica_role() {
    sessions(|[mut session], _| {
        session.ok("CREATE TRIGGER log AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION log(); SET session_replication_role = replica");
        session.ok("UPDATE events SET note = 'x' WHERE id = 1");
        session.ok("ALTER TABLE events ENABLE ALWAYS TRIGGER log; UPDATE events SET note = 'x' WHERE id = 2");
        assert_eq!(session.ok("SELECT id FROM log"), ["2"]);
    });
}

#[test]
fn a_row_trigger_reaches_each_partition_its_direct_writers_and_those_attached_later() {
    sessions(|[mut session], _| {
        session.ok("CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON copy FOR EACH ROW EXECUTE FUNCTION log();
            ALTER TABLE copy ENABLE ALWAYS TRIGGER log;
            CREATE TABLE march (LIKE copy INCLUDING ALL); ALTER TABLE copy ATTACH PARTITION march FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
            SET session_replication_role = replica;
            INSERT INTO copy VALUES (1, 'n', '2026-01-01'); INSERT INTO february VALUES (2, 'n', '2026-02-01'); INSERT INTO march VALUES (3, 'n', '2026-03-01')");
        assert_eq!(
            session.ok("SELECT id, tab FROM log ORDER BY id"),
            ["1|january", "2|february", "3|march"]
        );
        session.ok("ALTER TABLE copy DISABLE TRIGGER log");
        assert_eq!(
            session.ok("SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname = 'log'"),
            ["D"]
        );
    });
}

#[test]
fn a_move_to_another_partition_fires_delete_and_insert() {
    sessions(|[mut session], _| {
        session.ok(
            "CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON copy FOR EACH ROW EXECUTE FUNCTION log();
            INSERT INTO copy VALUES (1, 'n', '2026-01-01'); TRUNCATE log; UPDATE copy SET at = '2026-02-01'",
        );
        assert_eq!(session.ok("SELECT op FROM log"), ["DELETE", "INSERT"]);
    });
}

#[test]
fn a_foreign_keys_own_writes_are_deeper_before_than_after() {
    sessions(|[mut session], _| {
        session.ok("CREATE TABLE child (event bigint REFERENCES events ON DELETE CASCADE); INSERT INTO child VALUES (1);
            CREATE FUNCTION depth() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO public.log VALUES (pg_trigger_depth(), TG_WHEN); RETURN OLD; END $$;
            CREATE TRIGGER before BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION depth();
            CREATE TRIGGER after AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION depth();
            DELETE FROM events WHERE id = 1");
        assert_eq!(session.ok("SELECT op, id FROM log"), ["BEFORE|2", "AFTER|1"]);
    });
}

#[test]
fn a_trigger_that_was_off_for_a_while_has_another_xmin() {
    sessions(|[mut session], _| {
        let mark =
            "SELECT t.xmin, p.xmin FROM pg_trigger t, pg_proc p WHERE t.tgname = 'log' AND p.oid = t.tgfoid";
        session.ok("CREATE TRIGGER log AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION log()");
        let before = session.ok(mark);
        for harmless in [
            "CREATE TRIGGER another AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION log()",
            "ALTER TABLE events RENAME COLUMN note TO remark",
            "ALTER TABLE events ENABLE TRIGGER log",
            "VACUUM FREEZE pg_trigger, pg_proc",
            "VACUUM FULL pg_trigger",
        ] {
            session.ok(harmless);
            assert_eq!(session.ok(mark), before, "{harmless}");
        }
        session.ok("ALTER TABLE events DISABLE TRIGGER log; ALTER TABLE events ENABLE TRIGGER log");
        let switched = session.ok(mark);
        assert_ne!(switched, before);
        session.ok("ALTER TABLE events DISABLE TRIGGER ALL; ALTER TABLE events ENABLE TRIGGER ALL");
        assert_ne!(session.ok(mark), switched);
    });
}

// Snapshots.

#[test]
fn an_upsert_on_a_row_newer_than_the_snapshot_must_be_retried() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        sessions(|[mut old, mut other], _| {
            old.ok(&format!(
                "BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM events"
            ));
            other.ok("INSERT INTO copy VALUES (1, 'n', '2026-01-01')");
            let upsert = "INSERT INTO copy VALUES (1, 'x', '2026-01-01') ON CONFLICT (id, at) DO UPDATE SET note = EXCLUDED.note";
            assert_eq!(old.fails(upsert), RETRY);
            old.ok("ROLLBACK");
            // While an UPDATE or a DELETE finds nothing, in silence.
            other.ok("INSERT INTO copy VALUES (2, 'n', '2026-01-01')");
            old.ok(&format!(
                "BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM events"
            ));
            other.ok("INSERT INTO copy VALUES (3, 'n', '2026-01-01')");
            assert_eq!(old.run("DELETE FROM copy WHERE id = 3").unwrap().affected, 0);
        });
    }
}

#[test]
fn locking_a_row_that_was_deleted_since_the_snapshot_must_be_retried() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        sessions(|[mut old, mut other], _| {
            old.ok(&format!(
                "BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM events"
            ));
            other.ok("DELETE FROM events WHERE id = 1; UPDATE events SET note = 'x' WHERE id = 2");
            assert_eq!(old.ok("SELECT note FROM events WHERE id IN (1, 2)"), ["n", "n"]);
            assert_eq!(old.fails("SELECT FROM events WHERE id = 1 FOR KEY SHARE"), RETRY);
        });
    }
}

#[test]
fn a_transactions_id_tells_which_snapshots_are_older() {
    sessions(|[mut old, mut switch, mut new], _| {
        old.ok("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events");
        let id = switch.ok("BEGIN; SELECT pg_current_xact_id()").remove(0);
        let seen = format!("SELECT pg_visible_in_snapshot('{id}', pg_current_snapshot())");
        assert_eq!(new.ok(&seen), ["f"]);
        switch.ok("COMMIT");
        assert_eq!(old.ok(&seen), ["f"]);
        assert_eq!(new.ok(&seen), ["t"]);
        let older = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND age(backend_xmin) >= age('{id}'::xid)"
        );
        assert_eq!(new.ok(&older), ["1"]);
        old.ok("COMMIT");
        assert_eq!(new.ok(&older), ["0"]);
    });
}

// Procedures.

#[test]
fn a_procedure_that_commits_can_not_be_wrapped_and_takes_the_sessions_isolation() {
    sessions(|[mut session], _| {
        let procedure = |clause: &str| {
            format!("CREATE OR REPLACE PROCEDURE work() LANGUAGE plpgsql {clause} AS $$
                BEGIN COMMIT; INSERT INTO log VALUES (0, current_setting('transaction_isolation')); COMMIT; END $$")
        };
        for clause in ["SECURITY DEFINER", "SET search_path = public"] {
            session.ok(&procedure(clause));
            assert_eq!(session.fails("CALL work()"), "2D000", "{clause}");
        }
        session.ok(&procedure(""));
        session.ok("BEGIN");
        assert_eq!(session.fails("CALL work()"), "2D000");
        session.ok("ROLLBACK");
        assert_eq!(
            session.fails("SELECT 1; CALL work()"),
            "2D000",
            "one statement a file"
        );
        session.ok("SET default_transaction_isolation = 'serializable'");
        session.ok("CALL work()");
        assert_eq!(session.ok("SELECT op FROM log"), ["serializable"]);
    });
}

// Where rows are.

#[test]
fn block_ranges_hold_each_row_once() {
    sessions(|[mut session], _| {
        session.ok(
            "INSERT INTO events SELECT i, repeat('x', 200), '2026-01-01' FROM generate_series(21, 5000) i;
            UPDATE events SET note = 'moved' WHERE id % 7 = 0; DELETE FROM events WHERE id % 11 = 0",
        );
        let range = "s.ctid >= format('(%s,0)', block)::tid AND s.ctid < format('(%s,0)', block + 10)::tid";
        let copied = format!(
            "SELECT count(*), count(DISTINCT id) FROM generate_series(0, pg_relation_size('events') / 8192, 10) block, events s WHERE {range}"
        );
        assert_eq!(
            session.ok(&copied),
            session.ok("SELECT count(*), count(*) FROM events")
        );
        let plan = session.ok("SET enable_seqscan = off; EXPLAIN SELECT FROM events s WHERE s.ctid >= '(3,0)' AND s.ctid < '(9,0)'");
        assert!(
            plan.iter().any(|line| line.contains("Tid Range Scan")),
            "{plan:?}"
        );
    });
}

#[test]
fn a_rewrite_changes_the_file() {
    sessions(|[mut session], _| {
        let file = "SELECT pg_relation_filenode('events')";
        for (sql, rewrites) in [
            ("VACUUM events", false),
            ("VACUUM FREEZE events", false),
            ("ALTER TABLE events ADD COLUMN extra int DEFAULT 1", false),
            ("VACUUM FULL events", true),
            ("CLUSTER events USING events_pkey", true),
            ("TRUNCATE events", true),
            ("ALTER TABLE events ALTER id TYPE int", true),
        ] {
            let before = session.ok(file);
            session.ok(sql);
            assert_eq!(session.ok(file) != before, rewrites, "{sql}");
        }
    });
}

#[test]
fn an_upsert_keeps_the_keys_old_form_unless_it_sets_it() {
    sessions(|[mut session], _| {
        session.ok("CREATE TABLE t (k numeric PRIMARY KEY, note text); INSERT INTO t VALUES (1.0)");
        session.ok("INSERT INTO t VALUES (1.00, 'x') ON CONFLICT (k) DO UPDATE SET note = EXCLUDED.note");
        assert_eq!(session.ok("SELECT k FROM t"), ["1.0"]);
        session.ok("INSERT INTO t VALUES (1.00, 'x') ON CONFLICT (k) DO UPDATE SET k = EXCLUDED.k");
        assert_eq!(session.ok("SELECT k FROM t"), ["1.00"]);
    });
}

// What the comparison is made of.

#[test]
fn text_checksums_tell_apart_what_record_hashes_take_for_equal() {
    sessions(|[mut session], _| {
        let same = |hash: &str| format!("SELECT {hash} FROM (VALUES (1.0, 1.00)) v (a, b)");
        assert_eq!(
            session.ok(&same(
                "hash_record_extended(ROW(a), 0) = hash_record_extended(ROW(b), 0)"
            )),
            ["t"]
        );
        assert_eq!(
            session.ok(&same(
                "hashtextextended(ROW(a)::text, 0) = hashtextextended(ROW(b)::text, 0)"
            )),
            ["f"]
        );
        assert_eq!(
            session.fails("SELECT hash_record_extended(ROW('{}'::json), 0)"),
            "42883"
        );
        session.ok("SELECT hashtextextended(ROW('{}'::json, '<a/>'::xml, point '(1,2)', B'1', 'a'::tsvector, 1::money)::text, 0)");
        // The same row twice more is nothing to an exclusive or.
        let twice = |aggregate: &str| {
            format!(
                "SELECT {aggregate} FILTER (WHERE i = 1) = {aggregate} FROM (SELECT i, hashtextextended(least(i, 2)::text, 0)::numeric AS h FROM generate_series(1, 3) i) t"
            )
        };
        assert_eq!(session.ok(&twice("sum(h)")), ["f"]);
        assert_eq!(session.ok(&twice("bit_xor(h::bigint)")), ["t"]);
        // One and the same on every version.
        assert_eq!(
            session.ok("SELECT hashtextextended('(1,n,2026-01-01)', 0)"),
            [CHECKSUM]
        );
    });
}

const CHECKSUM: &str = "-9076960960769286940";

// What the plan is made of.

#[test]
fn row_level_security_filters_in_silence_unless_that_is_forbidden() {
    sessions(|[mut session], _| {
        session.ok("CREATE ROLE facts_owner; ALTER TABLE events OWNER TO facts_owner; GRANT CREATE ON SCHEMA public TO facts_owner;
            ALTER TABLE events ENABLE ROW LEVEL SECURITY; ALTER TABLE events FORCE ROW LEVEL SECURITY; SET ROLE facts_owner");
        assert_eq!(session.ok("SELECT count(*) FROM events"), ["0"]);
        session.ok("SET row_security = off");
        assert_eq!(session.fails("SELECT count(*) FROM events"), "42501");
        session.ok("RESET ROLE; DROP OWNED BY facts_owner; DROP ROLE facts_owner");
    });
}

#[test]
fn a_partitioned_table_adopts_validated_foreign_keys_of_its_partitions() {
    on_each_version(|version, database| {
        database.run_sql(TABLES);
        database.run_sql("INSERT INTO copy SELECT * FROM events");
        let mut session = Session::open(&database);
        let key = "ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES events";
        match version.major {
            ..18 => assert_eq!(session.fails(&format!("ALTER TABLE copy {key} NOT VALID")), "42809"),
            _ => session.ok(&format!("ALTER TABLE copy {key} NOT VALID; ALTER TABLE copy VALIDATE CONSTRAINT k; ALTER TABLE copy DROP CONSTRAINT k")).clear(),
        }
        for partition in ["january", "february"] {
            session.ok(&format!(
                "ALTER TABLE {partition} {key} NOT VALID; ALTER TABLE {partition} VALIDATE CONSTRAINT k"
            ));
        }
        let keys = "SELECT conrelid::regclass, convalidated, conparentid <> 0 FROM pg_constraint WHERE contype = 'f' AND conrelid IN ('january'::regclass, 'february'::regclass) ORDER BY 1";
        assert_eq!(session.ok(keys), ["january|t|f", "february|t|f"]);
        session.ok(&format!("ALTER TABLE copy {key}"));
        assert_eq!(session.ok(keys), ["january|t|t", "february|t|t"]);
    });
}

#[test]
fn an_identity_keeps_its_sequence() {
    sessions(|[mut session], _| {
        session.ok("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY); CREATE TABLE u (id int GENERATED ALWAYS AS IDENTITY)");
        assert_eq!(session.fails("ALTER SEQUENCE t_id_seq OWNED BY u.id"), "0A000");
        session.ok("ALTER SEQUENCE t_id_seq RENAME TO t_id_seq_retired; ALTER SEQUENCE u_id_seq RENAME TO t_id_seq; SELECT setval('t_id_seq', 41)");
        assert_eq!(session.ok("INSERT INTO u DEFAULT VALUES RETURNING id"), ["42"]);
    });
}
