//! Simpler ways to copy a live table, each shown to fail where pgcleave doesn't:
//! the harness that finds nothing wrong with pgcleave finds this wrong with them.

use crate::replay::{Act, CLOSED, Ending, OPEN, Play, build_gate, differences, judge, plays, table};
use crate::sessions::{Crowd, Session};
use crate::support::Database;
use crate::versions::on_each_version;

/// A trigger's function that writes the change to the copy, the statement that
/// copies, and what comes of it.
struct Design {
    sync: &'static str,
    batch: &'static str,
    /// Scenario, difference, and the levels at which it is found.
    wrong: &'static [(&'static str, &'static str, Levels)],
    right: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum Levels {
    All,
    /// REPEATABLE READ and SERIALIZABLE, whose snapshots are older than the batch's commit.
    Old,
}
use Levels::{All, Old};

/// The partitioned copy, with its primary key from the start.
const COPY: &str = "CREATE TABLE copy (id bigint, note text, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE copy_1 PARTITION OF copy FOR VALUES FROM (MINVALUE) TO (date_trunc('month', now()) + interval '1 month');
    CREATE TABLE copy_2 PARTITION OF copy DEFAULT;";

/// INSERT, UPDATE and DELETE as they come.
const PLAIN: &str = "
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.copy VALUES (NEW.*);
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE public.copy SET (id, note, at) = ROW(NEW.id, NEW.note, NEW.at) WHERE id = OLD.id AND at = OLD.at;
    ELSE
        DELETE FROM public.copy WHERE id = OLD.id AND at = OLD.at;
    END IF;";

/// The old row goes, the new one is put whether it is there or not.
const UPSERT: &str = "
    IF TG_OP = 'DELETE' THEN
        DELETE FROM public.copy WHERE id = OLD.id AND at = OLD.at;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.id, OLD.at) IS DISTINCT FROM (NEW.id, NEW.at) THEN
        DELETE FROM public.copy WHERE id = OLD.id AND at = OLD.at;
    END IF;
    INSERT INTO public.copy VALUES (NEW.*) ON CONFLICT (id, at) DO UPDATE SET note = EXCLUDED.note;";

const WITHOUT_LOCKS: Design = Design {
    sync: UPSERT,
    batch: "INSERT INTO copy SELECT * FROM events ON CONFLICT DO NOTHING",
    wrong: &[
        ("deleted", "ghost", All),
        ("moved", "ghost", All),
        ("given another primary key", "ghost", All),
        ("deleted and inserted again", "ghost", All),
        ("moved, an update waiting", "ghost", All),
        ("deleted, an insert waiting", "ghost", All),
        ("deleted by an old snapshot", "ghost", Old),
    ],
    right: &["updated", "inserted", "rolled back"],
};

const FOR_KEY_SHARE: Design = Design {
    sync: UPSERT,
    batch: "INSERT INTO copy SELECT * FROM events FOR KEY SHARE ON CONFLICT DO NOTHING",
    wrong: &[
        ("moved", "ghost", All),
        ("moved, an update waiting", "ghost", All),
        ("deleted by an old snapshot", "ghost", Old),
        ("moved by an old snapshot", "ghost", Old),
    ],
    right: &["updated", "inserted", "rolled back to a savepoint"],
};

const OLD_SNAPSHOTS: &[(&str, &str, Levels)] = &[
    ("updated by an old snapshot", "stale", Old),
    ("deleted by an old snapshot", "ghost", Old),
    ("moved by an old snapshot", "ghost,lost", Old),
    ("given another primary key by an old snapshot", "ghost,lost", Old),
];

const FOR_SHARE: Design = Design {
    sync: PLAIN,
    batch: "INSERT INTO copy SELECT * FROM events FOR SHARE ON CONFLICT DO NOTHING",
    wrong: OLD_SNAPSHOTS,
    right: &["inserted", "rolled back"],
};

const FOR_UPDATE: Design = Design {
    sync: PLAIN,
    batch: "INSERT INTO copy SELECT * FROM events FOR UPDATE ON CONFLICT DO NOTHING",
    wrong: OLD_SNAPSHOTS,
    right: &["inserted", "rolled back"],
};

const DELETE_AND_UPSERT: Design = Design {
    sync: UPSERT,
    batch: "INSERT INTO copy SELECT * FROM events FOR SHARE ON CONFLICT DO NOTHING",
    wrong: &[
        ("deleted by an old snapshot", "ghost", Old),
        ("moved by an old snapshot", "ghost", Old),
        ("given another primary key by an old snapshot", "ghost", Old),
        // Writing NEW's image: the outer event comes last and puts back what it knew.
        ("updated under a trigger that updates it again", "stale", All),
    ],
    right: &["updated", "updated by an old snapshot", "inserted", "rolled back"],
};

impl Design {
    fn install(&self, database: &Database) {
        database.run_sql(&table());
        database.run_sql(COPY);
        database.run_sql(&format!(
            "CREATE FUNCTION sync() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NULL; END $$;
             CREATE TRIGGER sync AFTER INSERT OR UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION sync();",
            self.sync
        ));
        database.run_sql(&build_gate("copy"));
    }

    /// Plays around one batch what is known to be right or wrong.
    fn replay(&self, database: &Database) -> Vec<(Play, Ending)> {
        self.install(database);
        let mut plays = plays("id", |scenario, _| {
            self.right.contains(&scenario.name) || self.wrong.iter().any(|(name, ..)| *name == scenario.name)
        });
        let mut crowd = Crowd::new(database);
        let (mut keeper, mut batch) = (Session::open(database), Session::open(database));
        batch.ok("SET application_name = 'batch'");
        plays
            .iter_mut()
            .for_each(|play| play.perform(Act::Before, &mut crowd));
        keeper.ok(CLOSED);
        batch.waits(self.batch);
        plays
            .iter_mut()
            .for_each(|play| play.perform(Act::During, &mut crowd));
        keeper.ok(OPEN);
        batch.finish().unwrap();
        plays.iter_mut().for_each(|play| play.advance(&mut crowd));
        plays
            .iter_mut()
            .for_each(|play| play.perform(Act::After, &mut crowd));
        let endings = judge(&mut plays, &mut crowd, || differences(database, "events", "copy"));
        plays.into_iter().zip(endings).collect()
    }

    fn fails_as_documented(&self) {
        on_each_version(|_, database| {
            for (play, ending) in self.replay(&database) {
                let found = (ending.differences.join(","), play.name(), &ending.faults);
                let wrong = self.wrong.iter().find(|(name, ..)| *name == play.scenario.name);
                if play.was_retried_by_chance(&ending) {
                    continue;
                } else if let Some((_, difference, levels)) = wrong {
                    let bites = *levels == All || play.level != "read committed";
                    assert_eq!(found.0, if bites { *difference } else { "" }, "{found:?}");
                } else if play.level == "read committed" {
                    assert_eq!(found.0, "", "{found:?}");
                }
            }
        });
    }
}

#[test]
fn batches_without_row_locks_bring_deleted_rows_back_under_write_through() {
    WITHOUT_LOCKS.fails_as_documented();
}

#[test]
fn batches_for_key_share_let_a_partition_key_slip_through() {
    FOR_KEY_SHARE.fails_as_documented();
}

#[test]
fn batches_for_share_are_stale_under_old_snapshots() {
    FOR_SHARE.fails_as_documented();
}

#[test]
fn batches_for_update_are_stale_under_old_snapshots() {
    FOR_UPDATE.fails_as_documented();
}

#[test]
fn deleting_and_upserting_images_leaves_ghosts_and_is_stale_under_nested_triggers() {
    DELETE_AND_UPSERT.fails_as_documented();
}

#[test]
fn a_position_that_is_the_copys_greatest_key_skips_history() {
    let batch = "INSERT INTO copy SELECT * FROM events WHERE id > (SELECT coalesce(max(id), -1) FROM copy) ON CONFLICT DO NOTHING";
    let design = Design {
        sync: UPSERT,
        batch,
        wrong: &[],
        right: &[],
    };
    on_each_version(|_, database| {
        design.install(&database);
        database.run_sql("INSERT INTO events VALUES (9000000, 'new', now())");
        database.run_sql(batch);
        let differences = differences(&database, "events", "copy");
        assert!(differences.len() > 100 && differences.values().flatten().all(|kind| kind == "lost"));
    });
}

#[test]
fn a_foreign_key_on_a_copy_that_lags_fails_the_application() {
    let delete = "BEGIN; DELETE FROM events WHERE parent = 2; DELETE FROM parents WHERE id = 2; COMMIT";
    on_each_version(|_, database| {
        database.run_sql(
            "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2);
             CREATE TABLE events (id bigint PRIMARY KEY, parent int REFERENCES parents);
             CREATE TABLE copy (id bigint PRIMARY KEY, parent int REFERENCES parents);
             CREATE TABLE log (id bigint);
             CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN INSERT INTO log VALUES (coalesce(NEW.id, OLD.id)); RETURN NULL; END $$;
             CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION log();
             INSERT INTO events VALUES (1, 1), (2, 2); INSERT INTO copy SELECT * FROM events;",
        );
        assert_eq!(Session::open(&database).fails(delete), "23503");
        database.run_sql("TRUNCATE copy");
        Session::open(&database).ok(delete);
    });
}

/// A log of changes, and a cutover that drains it under its lock.
const LOGGED: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text);
    CREATE TABLE children (event bigint REFERENCES events);
    CREATE TABLE copy (LIKE events INCLUDING ALL); CREATE TABLE log (id bigint);
    CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO log VALUES (coalesce(NEW.id, OLD.id)); RETURN NULL; END $$;
    CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION log();";
const LOGGED_CUTOVER: &str = "BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE;
    DELETE FROM copy WHERE id IN (SELECT id FROM log);
    INSERT INTO copy SELECT * FROM events WHERE id IN (SELECT id FROM log);
    ALTER TABLE events RENAME TO retired; ALTER TABLE copy RENAME TO events; COMMIT";

#[test]
fn a_change_log_up_to_the_cutover_hides_committed_rows_from_straddling_transactions() {
    on_each_version(|_, database| {
        database.run_sql(LOGGED);
        database.run_sql("INSERT INTO events VALUES (1, 'committed')");
        let (mut reader, mut other) = (Session::open(&database), Session::open(&database));
        reader.ok("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
        other.ok(LOGGED_CUTOVER);
        assert_eq!(
            reader.ok("SELECT note FROM events"),
            [""; 0],
            "a row that its snapshot holds is gone"
        );
        assert_eq!(
            reader
                .run("UPDATE events SET note = 'x' WHERE id = 1")
                .unwrap()
                .affected,
            0
        );
        reader.ok("COMMIT");
        assert_eq!(reader.ok("SELECT note FROM events"), ["committed"]);
    });
}

#[test]
fn a_change_log_up_to_the_cutover_breaks_keys_that_point_at_the_retired_table() {
    on_each_version(|_, database| {
        database.run_sql(LOGGED);
        database.run_sql(LOGGED_CUTOVER);
        let mut application = Session::open(&database);
        application.ok("INSERT INTO events VALUES (2, 'new')");
        assert_eq!(application.fails("INSERT INTO children VALUES (2)"), "23503");
    });
}
