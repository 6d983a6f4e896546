//! Replays what two sessions do around a batch, step by step, at each isolation
//! level, and judges the copy: for pgcleave and for simpler designs alike. Long because
//! it is one thing: the scenarios, and the stage that all of them are played on.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use crate::sessions::{Crowd, Fault, LEVELS, Progress, Session};
use crate::support::Database;

/// Statements of sessions `a` and `b` before a batch takes its snapshot, while it
/// is stopped between two rows, and after it committed. `{n}` is the row's id,
/// `{key}` the columns of the primary key.
pub struct Scenario {
    pub name: &'static str,
    pub before: &'static [(char, &'static str)],
    pub during: &'static [(char, &'static str)],
    pub after: &'static [(char, &'static str)],
}

const NOW: (char, &str) = ('a', "BEGIN; SELECT count(*) FROM snapshots");
const MOVE: &str = "UPDATE events SET at = at + interval '1 month' WHERE id = {n}";

/// The same key in the same partition.
const AGAIN: &str = "INSERT INTO events SELECT {n}, 'again', date_trunc('month', now()) + interval '1 hour'";

pub const SCENARIOS: &[Scenario] = &[
    during("deleted", &[('a', "DELETE FROM events WHERE id = {n}")]),
    during("moved", &[('a', MOVE)]),
    during(
        "updated",
        &[('a', "UPDATE events SET note = 'new' WHERE id = {n}")],
    ),
    during(
        "inserted",
        &[(
            'a',
            "INSERT INTO events SELECT {n} + 5, 'new', at FROM events WHERE id = {n}",
        )],
    ),
    during(
        "given another primary key",
        &[('a', "UPDATE events SET id = {n} + 5 WHERE id = {n}")],
    ),
    during(
        "updated under a trigger that updates it again",
        &[('a', "UPDATE events SET note = 'outer' WHERE id = {n}")],
    ),
    during(
        "deleted and inserted again",
        &[
            ('a', "BEGIN"),
            ('a', "DELETE FROM events WHERE id = {n}"),
            (
                'a',
                "INSERT INTO events VALUES ({n}, 'again', date_trunc('month', now()) + interval '3 hours')",
            ),
            ('a', "COMMIT"),
        ],
    ),
    during(
        "rolled back to a savepoint",
        &[
            ('a', "BEGIN"),
            ('a', "UPDATE events SET note = 'kept' WHERE id = {n}"),
            ('a', "SAVEPOINT s"),
            ('a', "DELETE FROM events WHERE id = {n}"),
            ('a', "ROLLBACK TO s"),
            ('a', "COMMIT"),
        ],
    ),
    during(
        "rolled back",
        &[
            ('a', "BEGIN"),
            ('a', "DELETE FROM events WHERE id = {n}"),
            ('a', "ROLLBACK"),
        ],
    ),
    during(
        "updated twice, the second waiting",
        &[
            ('a', "BEGIN"),
            ('a', "UPDATE events SET note = 'a' WHERE id = {n}"),
            ('b', "UPDATE events SET note = note || 'b' WHERE id = {n}"),
            ('a', "COMMIT"),
        ],
    ),
    during(
        "moved, an update waiting",
        &[
            ('a', "BEGIN"),
            ('a', MOVE),
            ('b', "UPDATE events SET note = 'b' WHERE id = {n}"),
            ('a', "COMMIT"),
        ],
    ),
    during(
        "moved, a delete waiting",
        &[
            ('a', "BEGIN"),
            ('a', MOVE),
            ('b', "DELETE FROM events WHERE id = {n}"),
            ('a', "COMMIT"),
        ],
    ),
    during(
        "deleted, an insert waiting",
        &[
            ('a', "BEGIN"),
            ('a', "DELETE FROM events WHERE id = {n}"),
            (
                'b',
                "INSERT INTO events VALUES ({n}, 'again', date_trunc('month', now()))",
            ),
            ('a', "COMMIT"),
        ],
    ),
    during(
        "inserted, an upsert waiting",
        &[
            ('a', "BEGIN"),
            (
                'a',
                "INSERT INTO events VALUES ({n} + 5, 'a', date_trunc('month', now()))",
            ),
            (
                'b',
                "INSERT INTO events VALUES ({n} + 5, 'b', date_trunc('month', now())) ON CONFLICT ({key}) DO UPDATE SET note = events.note || 'b'",
            ),
            ('a', "COMMIT"),
        ],
    ),
    after(
        "updated by an old snapshot",
        &[NOW],
        &[
            ('a', "UPDATE events SET note = 'old' WHERE id = {n}"),
            ('a', "COMMIT"),
        ],
    ),
    after(
        "deleted by an old snapshot",
        &[NOW],
        &[('a', "DELETE FROM events WHERE id = {n}"), ('a', "COMMIT")],
    ),
    after(
        "moved by an old snapshot",
        &[NOW],
        &[('a', MOVE), ('a', "COMMIT")],
    ),
    after(
        "given another primary key by an old snapshot",
        &[NOW],
        &[
            ('a', "UPDATE events SET id = {n} + 5 WHERE id = {n}"),
            ('a', "COMMIT"),
        ],
    ),
    after(
        "updated across the batch",
        &[NOW, ('a', "UPDATE events SET note = 'across' WHERE id = {n}")],
        &[('a', "COMMIT")],
    ),
    after(
        "deleted across the batch",
        &[NOW, ('a', "DELETE FROM events WHERE id = {n}")],
        &[('a', "COMMIT")],
    ),
    after("moved across the batch", &[NOW, ('a', MOVE)], &[('a', "COMMIT")]),
    after(
        "updated before the batch and deleted after it",
        &[NOW, ('a', "UPDATE events SET note = 'mine' WHERE id = {n}")],
        &[('a', "DELETE FROM events WHERE id = {n}"), ('a', "COMMIT")],
    ),
    after(
        "inserted before the batch and moved after it",
        &[
            NOW,
            (
                'a',
                "INSERT INTO events SELECT {n} + 5, 'mine', at FROM events WHERE id = {n}",
            ),
        ],
        &[
            (
                'a',
                "UPDATE events SET at = at + interval '1 month' WHERE id = {n} + 5",
            ),
            ('a', "COMMIT"),
        ],
    ),
    Scenario {
        name: "deleted, then inserted by an old snapshot",
        before: &[NOW],
        during: &[('b', "DELETE FROM events WHERE id = {n}")],
        after: &[
            (
                'a',
                "INSERT INTO events VALUES ({n}, 'again', date_trunc('month', now()))",
            ),
            ('a', "COMMIT"),
        ],
    },
    Scenario {
        name: "deleted by one, then inserted and deleted by an old snapshot",
        before: &[NOW],
        during: &[('b', "DELETE FROM events WHERE id = {n}")],
        after: &[
            (
                'a',
                "INSERT INTO events VALUES ({n}, 'again', date_trunc('month', now()) + interval '1 month')",
            ),
            // Its own row, not the one that its snapshot still shows.
            ('a', "DELETE FROM events WHERE id = {n} AND note = 'again'"),
            ('a', "COMMIT"),
        ],
    },
    Scenario {
        name: "deleted, then inserted the same by an old snapshot",
        before: &[NOW],
        during: &[('b', "DELETE FROM events WHERE id = {n}")],
        after: &[('a', AGAIN), ('a', "COMMIT")],
    },
    Scenario {
        name: "deleted by one, then inserted the same and deleted by an old snapshot",
        before: &[NOW],
        during: &[('b', "DELETE FROM events WHERE id = {n}")],
        after: &[
            ('a', AGAIN),
            ('a', "DELETE FROM events WHERE id = {n} AND note = 'again'"),
            ('a', "COMMIT"),
        ],
    },
];

const fn during(name: &'static str, during: &'static [(char, &'static str)]) -> Scenario {
    Scenario {
        name,
        before: &[],
        during,
        after: &[],
    }
}

const fn after(
    name: &'static str,
    before: &'static [(char, &'static str)],
    after: &'static [(char, &'static str)],
) -> Scenario {
    Scenario {
        name,
        before,
        during: &[],
        after,
    }
}

/// The batch stops before it inserts this row, which lies between both sides.
pub const GATE: i64 = 500_000;
/// Rows that lie before the gate, which a stopped batch has passed, and rows behind it.
const SIDES: [(&str, i64); 2] = [(PASSED, 0), ("not reached", 1_000_000)];
pub const PASSED: &str = "passed";
const RANGE: i64 = 10;

/// The table, full of rows for every scenario at every level on both sides of the gate.
pub fn table() -> String {
    let mut sql = "CREATE TABLE snapshots ();
        CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
        CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN UPDATE public.events SET note = 'inner' WHERE id = NEW.id; RETURN NULL; END $$;
        CREATE TRIGGER a_again AFTER UPDATE ON events FOR EACH ROW WHEN (NEW.note = 'outer') EXECUTE FUNCTION again();"
        .to_owned();
    let last = RANGE * (SCENARIOS.len() * LEVELS.len()) as i64;
    let month = "date_trunc('month', now()) + interval '1 hour'";
    for (_, first) in SIDES {
        let rows = format!("generate_series({first}, {first} + {last}, {RANGE}) i");
        write!(sql, "INSERT INTO events SELECT i, 'n', {month} FROM {rows};").unwrap();
        if first < GATE {
            write!(sql, "INSERT INTO events VALUES ({GATE}, 'gate', {month});").unwrap();
        }
    }
    sql
}

/// Makes the copy's batches stop at the gate while somebody holds [`CLOSED`].
pub fn build_gate(copy: &str) -> String {
    build_gate_at(copy, GATE)
}

/// The same before another row.
pub fn build_gate_at(copy: &str, row: i64) -> String {
    format!("CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('application_name') = 'batch' THEN
                PERFORM pg_advisory_xact_lock_shared(7);
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER gate BEFORE INSERT ON {copy} FOR EACH ROW WHEN (NEW.id = {row}) EXECUTE FUNCTION gate();")
}

pub const CLOSED: &str = "SELECT pg_advisory_lock(7)";
pub const OPEN: &str = "SELECT pg_advisory_unlock(7)";

/// A scenario at a level on one side of the gate.
pub struct Play {
    pub scenario: &'static Scenario,
    pub level: &'static str,
    pub side: &'static str,
    first: i64,
    key: &'static str,
    /// What an earlier statement that waits for the batch holds up.
    queue: VecDeque<(char, String)>,
    a: Actor,
    b: Actor,
}

/// One of a play's sessions.
struct Actor {
    level: &'static str,
    /// None while nothing is under way.
    session: Option<Session>,
    waits: bool,
    /// What is under way, to be tried again if it must be.
    transaction: Vec<String>,
    open: bool,
    failed: bool,
    faults: Vec<Fault>,
}

/// How a play ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ending {
    /// `ghost`, `stale` or `lost`, as the copy differs; empty if it doesn't.
    pub differences: Vec<String>,
    /// SQLSTATEs that the sessions got.
    pub faults: Vec<String>,
}

/// These scenarios at every level; `key` is what ON CONFLICT names.
pub fn plays(key: &'static str, wanted: impl Fn(&Scenario, &str) -> bool) -> Vec<Play> {
    let mut plays = Vec::new();
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        for (rank, level) in LEVELS.iter().enumerate() {
            for (side, first) in SIDES.into_iter().filter(|(side, _)| wanted(scenario, side)) {
                let first = first + RANGE * (number * LEVELS.len() + rank) as i64;
                let actor = || Actor::new(level);
                let queue = VecDeque::new();
                plays.push(Play {
                    scenario,
                    level,
                    side,
                    first,
                    key,
                    queue,
                    a: actor(),
                    b: actor(),
                });
            }
        }
    }
    plays
}

/// Which part of the scenarios to play.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Before,
    During,
    After,
}

impl Play {
    /// Plays a part as far as it gets; what has to wait for the batch is left for later.
    pub fn perform(&mut self, act: Act, crowd: &mut Crowd) {
        let steps = match act {
            Act::Before => self.scenario.before,
            Act::During => self.scenario.during,
            Act::After => self.scenario.after,
        };
        let resolve = |sql: &str| {
            sql.replace("{n}", &self.first.to_string())
                .replace("{key}", self.key)
        };
        self.queue
            .extend(steps.iter().map(|(who, sql)| (*who, resolve(sql))));
        self.advance(crowd);
    }

    /// Goes on until a session must wait for the batch, or there is nothing left to do.
    pub fn advance(&mut self, crowd: &mut Crowd) {
        while let Some((who, sql)) = self.queue.pop_front() {
            let actor = if who == 'a' { &mut self.a } else { &mut self.b };
            if actor.is_waiting() {
                self.queue.push_front((who, sql));
                return;
            }
            actor.step(&sql, crowd);
        }
    }

    /// Waits for everybody, and lets those try again who were told to.
    pub fn end(&mut self, crowd: &mut Crowd) -> Vec<String> {
        let mut faults = Vec::new();
        assert!(self.queue.is_empty(), "{}: {:?} is left", self.name(), self.queue);
        for actor in [&mut self.a, &mut self.b] {
            actor.settle(crowd);
            faults.extend(actor.faults.drain(..).map(|fault| fault.code));
            if faults.iter().any(|code| code == "40001") && !actor.transaction.is_empty() {
                let again = std::mem::take(&mut actor.transaction);
                again.iter().for_each(|sql| actor.step(sql, crowd));
                actor.settle(crowd);
                faults.extend(
                    actor
                        .faults
                        .drain(..)
                        .map(|fault| format!("{} again", fault.code)),
                );
            }
        }
        faults
    }

    /// At SERIALIZABLE, one that reads and writes pages that others read and write may be told to
    /// retry, depending on who comes first.
    pub fn was_retried_by_chance(&self, ending: &Ending) -> bool {
        self.level == LEVELS[2] && ending.faults.iter().any(|code| code == "40001")
    }

    pub fn name(&self) -> String {
        format!("{}, {}, {}", self.scenario.name, self.level, self.side)
    }
}

impl Actor {
    fn new(level: &'static str) -> Self {
        let (transaction, faults) = (Vec::new(), Vec::new());
        Self {
            level,
            session: None,
            waits: false,
            transaction,
            open: false,
            failed: false,
            faults,
        }
    }

    fn is_waiting(&mut self) -> bool {
        self.waits && self.session.as_mut().is_some_and(Session::is_waiting)
    }

    fn step(&mut self, sql: &str, crowd: &mut Crowd) {
        self.settle(crowd);
        if !self.open {
            self.transaction.clear();
        }
        self.open |= sql.starts_with("BEGIN");
        self.transaction.push(sql.to_owned());
        let ends = sql.starts_with("COMMIT") || sql == "ROLLBACK";
        if self.failed && !ends {
            return;
        }
        let session = self.session.get_or_insert_with(|| crowd.take(self.level));
        let progress = session.start(if self.failed { "ROLLBACK" } else { sql });
        if ends {
            (self.open, self.failed) = (false, false);
        }
        match progress {
            Progress::Waits => self.waits = true,
            Progress::Done => self.take(crowd),
        }
    }

    fn settle(&mut self, crowd: &mut Crowd) {
        if std::mem::take(&mut self.waits) {
            self.take(crowd);
        }
    }

    fn take(&mut self, crowd: &mut Crowd) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        if let Err(fault) = session.finish() {
            self.failed = self.open;
            self.faults.push(fault);
        }
        if self.open {
            self.session = Some(session);
        } else {
            crowd.put_back(session);
        }
    }
}

/// The differences between source and copy in one snapshot, by the range of ids that they are in.
pub fn differences(database: &Database, source: &str, copy: &str) -> BTreeMap<i64, Vec<String>> {
    let mut judge = Session::at(database, "repeatable read");
    judge.ok("BEGIN");
    let rows = judge.ok(&format!(
        "SELECT coalesce(s.id, c.id) / {RANGE} * {RANGE}, CASE WHEN s.id IS NULL THEN 'ghost' WHEN c.id IS NULL THEN 'lost' ELSE 'stale' END
           FROM {source} s FULL JOIN {copy} c ON c.id = s.id AND c.at = s.at
          WHERE s IS DISTINCT FROM c ORDER BY 1, 2"
    ));
    let differ = judge.ok(&format!(
        "SELECT count(*) FROM ((TABLE {source} EXCEPT ALL TABLE {copy}) UNION ALL (TABLE {copy} EXCEPT ALL TABLE {source})) d"
    ));
    assert_eq!(
        differ[0] == "0",
        rows.is_empty(),
        "the judge contradicts itself: {rows:?}"
    );
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in rows {
        let (first, kind) = row.split_once('|').unwrap();
        found
            .entry(first.parse().unwrap())
            .or_default()
            .push(kind.to_owned());
    }
    found
}

/// How each play ended.
pub fn judge(
    plays: &mut [Play],
    crowd: &mut Crowd,
    differences: impl FnOnce() -> BTreeMap<i64, Vec<String>>,
) -> Vec<Ending> {
    let faults: Vec<_> = plays.iter_mut().map(|play| play.end(crowd)).collect();
    let mut differences = differences();
    let endings = plays.iter().zip(faults);
    endings
        .map(|(play, faults)| Ending {
            differences: differences.remove(&play.first).unwrap_or_default(),
            faults,
        })
        .collect()
}
