//! A subscriber goes on through cutover, rollback and a second cutover: nothing lost, nothing doubled.

use crate::support::{Database, Pgcleave, wait_until};
use crate::versions::on_each_version_alone;

/// A database that subscribes to the table `events` of another one of the same server.
struct Subscriber<'a> {
    publisher: &'a Database,
    database: Database,
}

impl<'a> Subscriber<'a> {
    fn of(publisher: &'a Database, database: Database) -> Self {
        database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL)");
        Self::with_table(publisher, database)
    }

    /// As [`Self::of`], where the table is there.
    fn with_table(publisher: &'a Database, database: Database) -> Self {
        let slot = format!("slot_of_{}", database.name);
        // Within one server, CREATE SUBSCRIPTION can't make the slot: it would wait for itself.
        publisher.run_sql(&format!(
            "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
        ));
        let (name, url) = (&database.name, publisher.url());
        database.run_sql(&format!(
            "CREATE SUBSCRIPTION {name} CONNECTION '{url}' PUBLICATION sent WITH (create_slot = false, slot_name = '{slot}')"
        ));
        Self { publisher, database }
    }

    #[track_caller]
    fn catches_up(&self, when: &str) {
        let rows = "SELECT e::text FROM (SELECT id, note, at FROM events WHERE id < 100000) e ORDER BY 1";
        let expected = self.publisher.lines(rows);
        assert!(expected.len() > 100);
        wait_until(when, || self.database.lines(rows) == expected);
    }

    fn end(self) -> Database {
        let name = &self.database.name;
        for statement in ["DISABLE", "SET (slot_name = NONE)"] {
            self.database
                .run_sql(&format!("ALTER SUBSCRIPTION {name} {statement}"));
        }
        self.database.run_sql(&format!("DROP SUBSCRIPTION {name}"));
        let slot = format!("slot_of_{name}");
        wait_until("the slot", || {
            let active = format!("SELECT active::text FROM pg_replication_slots WHERE slot_name = '{slot}'");
            self.publisher.lines(&active) == ["false"]
        });
        self.publisher
            .run_sql(&format!("SELECT pg_drop_replication_slot('{slot}')"));
        self.database
    }
}

/// Inserts, updates, deletes, keys that change and rows that move to another partition; each on its own, as a ROLLBACK
/// would take all before it with it.
const WRITES: &[&str] = &[
    "INSERT INTO events SELECT max(id) + 1, 'added', now() FROM events WHERE id < 100000",
    "INSERT INTO events SELECT max(id) + 100000, 'secret', now() FROM events",
    "UPDATE events SET note = note || '.' WHERE id % 7 = 0",
    "UPDATE events SET at = at - interval '40 days' WHERE id % 11 = 0",
    "UPDATE events SET id = -id WHERE id % 13 = 0 AND id BETWEEN 1 AND 100000",
    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id > 0 ORDER BY id LIMIT 3)",
    "BEGIN; UPDATE events SET note = 'rolled back'; ROLLBACK",
    "BEGIN; DELETE FROM events WHERE id = 50; INSERT INTO events VALUES (50, 'again', now()); COMMIT",
];

fn write(publisher: &Database) {
    for statement in WRITES {
        publisher.run_sql(statement);
    }
}

fn a_subscriber_goes_on(publication: &str, more: &str, from: u32) {
    on_each_version_alone(|version, publisher| {
        if version.major < from {
            return;
        }
        publisher.run_sql(&format!(
            "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL{more});
             INSERT INTO events (id, note, at) SELECT i, 'n' || i, now() - i * interval '6 hours' FROM generate_series(1, 300) i;
             CREATE PUBLICATION sent FOR TABLE events {publication}"
        ));
        let subscriber = Subscriber::of(&publisher, Database::at(version.quiet()));
        let writes_arrive = |when: &str| {
            write(&publisher);
            subscriber.catches_up(when);
        };
        subscriber.catches_up("the first copy");
        let pgcleave = Pgcleave::new(&publisher);
        pgcleave.generate_monthly(&[]);
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        writes_arrive("in step");
        write(&publisher); // on their way when the table is cut over
        pgcleave.ok(&["-q", "apply", "--yes"]);
        writes_arrive("after the cutover");
        write(&publisher);
        pgcleave.ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
        writes_arrive("after the rollback");
        pgcleave.ok(&["-q", "apply", "--yes"]);
        writes_arrive("after the second cutover");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "drop_retired_table"]);
        writes_arrive("without the retired table");
        publisher.run_sql(
            "TRUNCATE events; INSERT INTO events SELECT i, 'n' || i, now() FROM generate_series(1, 200) i",
        );
        subscriber.catches_up("after a TRUNCATE");
        subscriber.end();
    });
}

#[test]
fn a_subscriber_goes_on_through_cutover_and_rollback() {
    a_subscriber_goes_on("", "", 14);
}

#[test]
fn a_subscriber_of_some_rows_and_columns_goes_on() {
    let publication = "(id, note, at) WHERE (id < 100000)";
    a_subscriber_goes_on(publication, ", inner_note text DEFAULT 'not sent'", 15);
}

/// Applying fires row triggers, and no statement triggers.
#[test]
fn what_a_subscription_writes_while_the_table_is_copied_is_not_lost() {
    on_each_version_alone(|version, publisher| {
        publisher.run_sql(
            "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
             INSERT INTO events SELECT i, 'n' || i, now() - i * interval '6 hours' FROM generate_series(1, 300) i;
             CREATE PUBLICATION sent FOR TABLE events",
        );
        let database = Database::at(version.quiet());
        database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL)");
        let pgcleave = Pgcleave::new(&database);
        // A subscription that is there is refused, and one that begins later stops the next run: files may be run by psql.
        pgcleave.generate_monthly(&[]);
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "create_batch_copy_procedure"]);
        let subscriber = Subscriber::with_table(&publisher, database);
        subscriber.catches_up("the first copy");
        subscriber
            .database
            .run_sql("CALL events_pgcleave_copy_batches(1024)");
        write(&publisher);
        subscriber.catches_up("writes while keys are logged");
        let refused = pgcleave.run(&["apply", "--yes", "--through", "verify_copy"]);
        assert!(refused.stderr.contains("subscription"), "{}", refused.stderr);
        let _database = subscriber.end();
        pgcleave.ok(&["-q", "apply", "--yes", "--through", "verify_copy"]);
        pgcleave.ok(&["verify", "--checksum"]);
    });
}
