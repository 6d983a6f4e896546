//! After a lost connection at the cutover the catalog decides what happened:
//! all of it or nothing, and pgcleave says which.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use pgcleave::server::{Programs, Server, Stop};
use postgres::{Client, NoTls};

use crate::support::{NOTES_GUARDED, Pgcleave, Said, wait_until};
use proxy::{Cut, Proxy, Scissors};

mod proxy;

/// What a cutover touches: a sequence, a view, a trigger, keys both ways.
const SCHEMA: &str = "CREATE TABLE accounts (id int PRIMARY KEY);
    INSERT INTO accounts SELECT generate_series(1, 5);
    CREATE TABLE events (id bigserial PRIMARY KEY, account int NOT NULL REFERENCES accounts, note text,
        at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX events_at ON events (at);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.note := 'stamped'; RETURN NEW; END$$;
    CREATE TRIGGER stamp BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE VIEW recent AS SELECT id, account, note FROM events WHERE at > now() - interval '1 year';
    CREATE TABLE notes (event bigint NOT NULL REFERENCES events);
    INSERT INTO events (account, at) SELECT 1 + i % 5, now() - i * interval '2 hours' FROM generate_series(1, 600) i;
    INSERT INTO notes SELECT generate_series(1, 50);";

/// What an application does at any moment.
const USE: &str = "INSERT INTO recent (account) VALUES (1);
    INSERT INTO notes SELECT max(id) FROM events;
    UPDATE events SET at = at - interval '40 days' WHERE id = (SELECT max(id) FROM recent);";
const ROWS_AFTER_USE: i64 = 601;

/// Everything that a cutover changes, but for the rows.
const FACTS: &str = "SELECT format('relation %s %s', oid::regclass, relkind) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('trigger %s on %s %s', tgname, tgrelid::regclass, tgenabled) FROM pg_trigger
        WHERE NOT tgisinternal AND tgname <> 'slow'
    UNION ALL SELECT format('function %s %s', oid::regprocedure, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT format('view of %s', d.refobjid::regclass) FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
        WHERE r.ev_class = 'recent'::regclass AND d.refobjid <> r.ev_class AND d.classid = 'pg_rewrite'::regclass
    UNION ALL SELECT format('constraint %s on %s to %s', conname, conrelid::regclass, confrelid::regclass) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT format('default %s %s', adrelid::regclass, pg_get_expr(adbin, adrelid)) FROM pg_attrdef
    UNION ALL SELECT format('sequence %s of %s', objid::regclass, refobjid::regclass) FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S')
    UNION ALL SELECT format('history %s %s %s', step, direction, outcome) FROM pgcleave.history WHERE step = 'cut_over'
    ORDER BY 1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// One way of the cutover: a database that stands just before it, and what it looks like on both sides.
struct Way {
    server: Arc<Server>,
    pgcleave: Pgcleave,
    arguments: &'static [&'static str],
    /// What becomes of the step `cut_over`.
    cut_over_when: Side,
    /// The table that must equal `events` in the end.
    other: &'static str,
    facts: [Vec<String>; 2],
    /// What an undisturbed run sends.
    messages: Vec<String>,
    clones: AtomicUsize,
}

impl Way {
    fn forth() -> Self {
        Self::prepare(
            "verify_copy",
            &["apply", "--yes", "--through", "cut_over"],
            Side::After,
        )
    }

    fn back() -> Self {
        Self::prepare(
            "cut_over",
            &["rollback", "--yes", "--to", "verify_copy"],
            Side::Before,
        )
    }

    fn prepare(through: &str, arguments: &'static [&'static str], cut_over_when: Side) -> Self {
        let server = Server::start(&Programs::find().unwrap(), &[]).unwrap();
        server.create_database("origin").unwrap();
        let pgcleave = Pgcleave::at(server.url("origin"));
        let mut client = Client::connect(&server.url("origin"), NoTls).unwrap();
        client.batch_execute(SCHEMA).unwrap();
        drop(client);
        pgcleave.generate_monthly(&[&["--premake", "1"][..], &NOTES_GUARDED].concat());
        pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
        let mut way = Self {
            server: Arc::new(server),
            pgcleave,
            arguments,
            cut_over_when,
            other: if cut_over_when == Side::After {
                "events_pgcleave_retired"
            } else {
                "events_pgcleave_copy"
            },
            facts: Default::default(),
            messages: Vec::new(),
            clones: AtomicUsize::new(0),
        };
        let database = way.clone_origin();
        way.facts[0] = way.facts_of(&database);
        let (said, proxy) = way.run(&database, None);
        assert_eq!(said.code, 0, "{}", said.stderr);
        way.messages = proxy.messages();
        way.facts[1] = way.facts_of(&database);
        assert_ne!(way.facts[0], way.facts[1]);
        way
    }

    fn clone_origin(&self) -> String {
        let name = format!("clone{}", self.clones.fetch_add(1, Ordering::Relaxed));
        let mut admin = Client::connect(&self.server.url("postgres"), NoTls).unwrap();
        wait_until("the sessions of the origin to end", || {
            admin
                .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE origin"))
                .is_ok()
        });
        name
    }

    /// The way, with the first session cut.
    fn run(&self, database: &str, scissors: Option<Scissors>) -> (Said, Proxy) {
        let proxy = Proxy::start(self.server.socket_dir().join(".s.PGSQL.5432"), scissors);
        let said = self.verb(&proxy.url(database), self.arguments);
        wait_until("the cut to be over", || proxy.is_settled());
        self.wait_for_sessions(database);
        (said, proxy)
    }

    fn verb(&self, url: &str, arguments: &[&str]) -> Said {
        let mut command = self.pgcleave.command(arguments);
        Said::of(&command.env("DATABASE_URL", url).output().unwrap())
    }

    /// What a session whose client is gone was about to do must be done.
    fn wait_for_sessions(&self, database: &str) {
        let mut admin = Client::connect(&self.server.url("postgres"), NoTls).unwrap();
        let sessions =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'pgcleave'";
        wait_until("the cut session to end", || {
            admin.query_one(sessions, &[&database]).unwrap().get::<_, i64>(0) == 0
        });
    }

    fn facts_of(&self, database: &str) -> Vec<String> {
        let mut client = Client::connect(&self.server.url(database), NoTls).unwrap();
        let rows = client.query(FACTS, &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The side on which the catalog stands, wholly.
    fn side(&self, database: &str, when: &str) -> Side {
        let facts = self.facts_of(database);
        if facts == self.facts[0] {
            return Side::Before;
        }
        let strange: Vec<_> = facts.iter().filter(|f| !self.facts[1].contains(f)).collect();
        let lacking: Vec<_> = self.facts[1].iter().filter(|f| !facts.contains(f)).collect();
        assert!(
            strange.is_empty() && lacking.is_empty(),
            "{when}: half done, strange {strange:?}, lacking {lacking:?}"
        );
        Side::After
    }

    /// What was said is what the catalog shows.
    fn side_as_said(&self, database: &str, said: &Said, when: &str) -> Side {
        let side = self.side(database, when);
        let told = format!(
            "{when}: {side:?}, code {}\n{}\n{}",
            said.code, said.stdout, said.stderr
        );
        let says_done = said.stdout.lines().any(|line| line.ends_with(" cut_over"));
        assert_eq!(says_done, side == Side::After, "{told}");
        match said.code {
            0 => assert_eq!(side, Side::After, "{told}"),
            1 | 5 => assert!(said.stderr.contains("error: "), "{told}"),
            _ => panic!("{told}"),
        }
        if side == Side::After {
            assert!(!said.stderr.contains("nothing has changed"), "{told}");
        }
        side
    }

    /// The table is usable, `status` is right, and the same command again ends well.
    fn goes_on(&self, database: &str, side: Side, when: &str) {
        let url = self.server.url(database);
        let mut client = Client::connect(&url, NoTls).unwrap();
        client
            .batch_execute(USE)
            .unwrap_or_else(|error| panic!("{when}: {error:?}"));
        let status = self.verb(&url, &["status", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        let steps = report["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["step"] == "cut_over").unwrap();
        assert_eq!(
            step["done"],
            side == self.cut_over_when,
            "{when}: {}",
            status.stdout
        );
        let again = self.verb(&url, self.arguments);
        assert_eq!(again.code, 0, "{when}: {}", again.stderr);
        assert_eq!(self.side(database, when), Side::After);
        let differences = format!(
            "SELECT (SELECT count(*) FROM (TABLE events EXCEPT ALL TABLE {0}) d) + (SELECT count(*) FROM (TABLE {0} EXCEPT ALL TABLE events) d),
                    (SELECT count(*) FROM events), (SELECT count(*) FROM recent WHERE note = 'stamped'),
                    (SELECT last_value >= max(id) FROM events_id_seq, events GROUP BY last_value)",
            self.other
        );
        let row = client.query_one(&differences, &[]).unwrap();
        let found: (i64, i64, i64, bool) = (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!(found, (0, ROWS_AFTER_USE, ROWS_AFTER_USE, true), "{when}");
        drop(client);
        let mut admin = Client::connect(&self.server.url("postgres"), NoTls).unwrap();
        admin
            .batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)"))
            .unwrap();
    }

    /// The message that opens the step's own transaction.
    fn first_of_the_step(&self) -> usize {
        let opens = |text: &String| text.contains("START TRANSACTION") && text.contains("READ COMMITTED");
        self.messages.iter().position(opens).unwrap()
    }

    fn commit_of_the_step(&self) -> usize {
        let first = self.first_of_the_step();
        let commits = |text: &String| text.trim_end().ends_with("COMMIT");
        first + self.messages[first..].iter().position(commits).unwrap()
    }

    fn described(&self, cut: Cut, at: usize) -> String {
        let message = self.messages.get(at).map_or("", |text| text.trim());
        format!("{cut:?} message {at} ({message})")
    }
}

fn cut_only(cut: Cut, at: usize) -> Option<Scissors> {
    Some(Scissors {
        cut,
        at,
        then: Box::new(|| ()),
    })
}

/// Before the step nothing is written: one database serves for all the cuts, and as the line breaks
/// behind one message or before the next alike, they take turns. Returns what was said.
fn cut_before_the_step(way: &Way, stride: usize) -> Vec<String> {
    let database = way.clone_origin();
    let mut told = Vec::new();
    for at in (0..way.first_of_the_step()).step_by(stride) {
        let cut = if (at / stride).is_multiple_of(2) {
            Cut::Before
        } else {
            Cut::After
        };
        let when = way.described(cut, at);
        let (said, proxy) = way.run(&database, cut_only(cut, at));
        assert!(proxy.was_cut(), "{when}");
        assert_ne!(said.code, 0, "{when}");
        assert_eq!(way.side_as_said(&database, &said, &when), Side::Before, "{when}");
        told.push(said.stderr);
    }
    way.goes_on(&database, Side::Before, "after all cuts before the step");
    told
}

/// Cuts at every message from just before the step's transaction on: only COMMIT makes the difference.
fn cut_from_the_step_on(way: &Way, cut: Cut) {
    let commit = way.commit_of_the_step();
    for at in way.first_of_the_step() - 1.. {
        let database = way.clone_origin();
        let when = way.described(cut, at);
        let (said, proxy) = way.run(&database, cut_only(cut, at));
        let side = way.side_as_said(&database, &said, &when);
        let has_commit = at > commit || (at == commit && cut == Cut::After);
        assert_eq!(side == Side::After, has_commit, "{when}");
        way.goes_on(&database, side, &when);
        if !proxy.was_cut() {
            assert_eq!(said.code, 0, "{when}");
            return;
        }
    }
}

#[test]
fn a_cutover_cut_before_any_message_is_whole_and_told_rightly() {
    cut_from_the_step_on(&Way::forth(), Cut::Before);
}

#[test]
fn a_cutover_cut_behind_any_message_is_whole_and_told_rightly() {
    cut_from_the_step_on(&Way::forth(), Cut::After);
}

#[test]
fn a_run_that_is_cut_before_its_cutover_changes_nothing() {
    cut_before_the_step(&Way::forth(), 1);
}

#[test]
fn a_run_that_is_cut_says_what_to_do_next() {
    let told = cut_before_the_step(&Way::forth(), 3);
    let without: Vec<_> = told.iter().filter(|text| !text.contains("hint: ")).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn a_rollback_of_the_cutover_that_is_cut_anywhere_is_whole_and_told_rightly() {
    let way = Way::back();
    cut_before_the_step(&way, 5);
    for cut in [Cut::Before, Cut::After] {
        cut_from_the_step_on(&way, cut);
    }
}

/// The server crashes with the message just sent, or not sent; it may have done it or not.
fn crash_in_the_step(way: &Way, cuts: &[Cut]) {
    // Behind COMMIT and the next message there is nothing new.
    for at in way.first_of_the_step()..way.commit_of_the_step() + 2 {
        for &cut in cuts {
            let database = way.clone_origin();
            let when = format!("crash {}", way.described(cut, at));
            let server = Arc::clone(&way.server);
            let crash = move || {
                // Some get through, some don't.
                thread::sleep(Duration::from_micros(at as u64 * 137 % 3000));
                server.stop(Stop::Immediate).unwrap();
                server.restart().unwrap();
            };
            let scissors = Scissors {
                cut,
                at,
                then: Box::new(crash),
            };
            let (said, proxy) = way.run(&database, Some(scissors));
            assert!(proxy.was_cut(), "{when}");
            let side = way.side_as_said(&database, &said, &when);
            way.goes_on(&database, side, &when);
        }
    }
}

#[test]
fn a_server_that_crashes_at_the_cutover_leaves_it_whole() {
    crash_in_the_step(&Way::forth(), &[Cut::Before, Cut::After]);
}

#[test]
fn a_server_that_crashes_at_the_rollback_of_the_cutover_leaves_it_whole() {
    crash_in_the_step(&Way::back(), &[Cut::After]);
}

#[test]
fn a_commit_that_hangs_when_the_line_breaks_is_told_rightly() {
    let way = Way::forth();
    let database = way.clone_origin();
    let mut client = Client::connect(&way.server.url(&database), NoTls).unwrap();
    // The history's row is written by the cutover's own transaction: its COMMIT takes three seconds.
    let slow = "CREATE FUNCTION pgcleave.slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(3); RETURN NULL; END$$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON pgcleave.history DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION pgcleave.slow()";
    client.batch_execute(slow).unwrap();
    let commit = way.commit_of_the_step();
    let when = way.described(Cut::After, commit);
    let (said, _) = way.run(&database, cut_only(Cut::After, commit));
    let side = way.side_as_said(&database, &said, &when);
    client
        .batch_execute("DROP TRIGGER slow ON pgcleave.history")
        .unwrap();
    drop(client);
    way.goes_on(&database, side, &when);
}
