//! The application: writers that know what they committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use fastrand::Rng;
use postgres::error::SqlState;
use postgres::{Client, IsolationLevel, Statement, Transaction};

use crate::ddl::WRITER;
use crate::ledger::{self, Differences, Group};
use crate::marks;
use crate::plan::Plan;
use crate::statements::{Act, Drawing};
use crate::tally::lock;
use crate::world::{World, is_connection_error, said};

/// What writers do to each other in a shared group; a deadlock of pgcleave's shows in the server's log. An old
/// snapshot that inserts a key deleted since sees it twice (21000), as PostgreSQL has it.
const CONFLICTS: [&str; 5] = ["40001", "40P01", "23505", "23503", "21000"];

/// Numbers below are left to sequences.
const FIRST_NUMBER: i64 = 1_000_000;

fn is_the_statements_own(error: &postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.where_().is_none())
}

/// How a session differs from a plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guise {
    Superuser,
    LowPrivilege,
    /// `session_replication_role = replica`
    Replica,
}

/// One writer thread's state.
struct Writer {
    world: Arc<World>,
    number: usize,
    rng: Rng,
    guise: Guise,
    client: Option<Client>,
    prepared: Option<Statement>,
    next: i64,
    /// The first groups that hold no rows at the start are about here.
    groups: i64,
    /// The transaction's number in the table of marks.
    mark: i64,
}

/// Starts all of them.
pub fn start(world: &Arc<World>) -> Vec<JoinHandle<()>> {
    (0..world.ledgers.len())
        .map(|number| {
            let world = Arc::clone(world);
            thread::spawn(move || Writer::new(world, number).work())
        })
        .collect()
}

impl Writer {
    fn new(world: Arc<World>, number: usize) -> Self {
        let mut rng = Rng::with_seed(world.seed ^ ((number as u64 + 1) << 40));
        let guise = match rng.u8(..10) {
            0..=4 => Guise::LowPrivilege,
            5 => Guise::Replica,
            _ => Guise::Superuser,
        };
        Self {
            groups: world.shape.rows / 4 + 1,
            next: FIRST_NUMBER + number as i64,
            world,
            number,
            rng,
            guise,
            client: None,
            prepared: None,
            mark: 0,
        }
    }

    fn work(&mut self) {
        let world = Arc::clone(&self.world);
        while !world.is_over() {
            {
                let _quiet = world.pause.read().unwrap_or_else(|e| e.into_inner());
                if world.is_over() {
                    return;
                }
                if let Err(error) = self.transact() {
                    world
                        .tally
                        .complain("application errors", format!("writer {}: {error:#}", self.number));
                    self.client = None;
                }
            }
            if self.rng.u8(..100) < 10 {
                thread::sleep(Duration::from_millis(self.rng.u64(1..30)));
            }
        }
    }

    /// One transaction, from drawing it to writing it into the books.
    fn transact(&mut self) -> Result<()> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => match self.open() {
                Ok(client) => client,
                // The next fault came before the session was ready.
                Err(_) if self.world.is_shaken() => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        let step = self.world.ledgers.len() as i64;
        let plan = Plan::draw(&mut self.rng, self.groups, self.number as i64, step);
        let mut statement = String::new();
        let outcome = self.attempt(&mut client, &plan, &mut statement);
        match outcome {
            Ok(Some(content)) => self.keep(content),
            Ok(None) => self.world.tally.count("rollbacks of the application's own"),
            Err(Stopped { error, committing }) => {
                self.settle(&client, &plan, error, committing, &statement)?;
            }
        }
        if !client.is_closed() {
            self.client = Some(client);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<Client> {
        let mut client = self.world.connect(&format!("writer{}", self.number))?;
        let shape = &self.world.shape;
        match self.guise {
            Guise::Superuser => {}
            Guise::LowPrivilege => client.batch_execute(&format!("SET ROLE {WRITER}"))?,
            Guise::Replica => client.batch_execute("SET session_replication_role = replica")?,
        }
        let update = format!(
            "UPDATE {} SET {number} = $1::int, {note} = {note} || '!' WHERE {} = $2::bigint AND {number} % 3 <> 1",
            shape.table,
            shape.group,
            number = shape.number,
            note = shape.note
        );
        self.prepared = Some(client.prepare(&update)?);
        Ok(client)
    }

    /// Nothing is returned after a rollback of our own.
    fn attempt(
        &mut self,
        client: &mut Client,
        plan: &Plan,
        statement: &mut String,
    ) -> Result<Option<HashMap<i64, Group>>, Stopped> {
        let world = Arc::clone(&self.world);
        let mut transaction = client.build_transaction().isolation_level(plan.level).start()?;
        "reading its groups".clone_into(statement);
        let before = ledger::read(&mut transaction, &world.shape, Some(&plan.groups))?;
        if plan.shared {
            // Others change what this snapshot shows.
            thread::sleep(Duration::from_millis(self.rng.u64(0..40)));
        } else {
            self.check(&before);
        }
        for _ in 0..plan.statements {
            let group = plan.groups[self.rng.usize(..plan.groups.len())];
            let rows = match plan.shared {
                true => before.clone(),
                false => ledger::read(&mut transaction, &world.shape, Some(&[group]))?,
            };
            let acts = self.draw(group, rows.get(&group).unwrap_or(&Group::new()));
            self.run_all(&mut transaction, group, &acts, statement)?;
        }
        if let Some(dawdle) = plan.dawdle {
            thread::sleep(dawdle);
        }
        let mark = format!(
            "UPDATE {} SET n = {} WHERE writer = {}",
            world.shape.beside("marks"),
            self.mark + 1,
            self.number
        );
        "its mark".clone_into(statement);
        transaction.batch_execute(&mark)?;
        let after = ledger::read(&mut transaction, &world.shape, Some(&plan.groups))?;
        if plan.gives_up {
            transaction.rollback()?;
            return Ok(None);
        }
        "COMMIT".clone_into(statement);
        let began = Instant::now();
        // From here on, a lost connection leaves the outcome open: the content is needed either way.
        match transaction.commit() {
            Ok(()) => {}
            Err(error) => {
                return Err(Stopped {
                    error,
                    committing: Some(after),
                });
            }
        }
        world.tally.waited(began.elapsed(), "COMMIT");
        Ok(Some(after))
    }

    /// What it owns must be as it left it, at every moment.
    fn check(&self, found: &HashMap<i64, Group>) {
        let mut books = lock(&self.world.ledgers[self.number]);
        let mut differences = Differences::default();
        for (group, rows) in found {
            differences.compare(*group, books.get(group).unwrap_or(&Group::new()), rows);
            // What was found once is not to be reported again by everything that follows.
            if !differences.is_none() {
                books.insert(*group, rows.clone());
            }
        }
        self.world.report(
            &differences,
            &format!("writer {} at the start of a transaction", self.number),
        );
    }

    fn draw(&mut self, group: i64, rows: &Group) -> Vec<Act> {
        let world = Arc::clone(&self.world);
        let mut drawing = Drawing {
            shape: &world.shape,
            today: &world.today,
            version: world.version,
            rng: &mut self.rng,
            group,
            rows,
            next: &mut self.next,
            step: world.ledgers.len() as i64,
            replica: self.guise == Guise::Replica,
        };
        drawing.draw()
    }

    /// Some of it inside a savepoint that is rolled back.
    fn run_all(
        &mut self,
        transaction: &mut Transaction<'_>,
        group: i64,
        acts: &[Act],
        statement: &mut String,
    ) -> Result<(), postgres::Error> {
        let savepoint = self.rng.u8(..100);
        if savepoint < 20 {
            transaction.batch_execute("SAVEPOINT sp")?;
        }
        for act in acts {
            *statement = format!("{act:?}");
            let began = Instant::now();
            let done = self.run(transaction, group, act);
            self.world.tally.waited(began.elapsed(), statement);
            done?;
        }
        match savepoint {
            0..12 => transaction.batch_execute("ROLLBACK TO sp"),
            12..20 => transaction.batch_execute("RELEASE sp"),
            _ => Ok(()),
        }
    }

    fn run(&self, transaction: &mut Transaction<'_>, group: i64, act: &Act) -> Result<(), postgres::Error> {
        match act {
            Act::Run(sql) => transaction.batch_execute(sql),
            Act::Prepared(number) => {
                let number = i32::try_from(*number).unwrap_or_default();
                match &self.prepared {
                    Some(update) => transaction.execute(update, &[&number, &group]).map(drop),
                    None => Ok(()),
                }
            }
            Act::Copy { values, into } => {
                let rows = transaction.query(values, &[])?;
                let mut lines = transaction.copy_in(into)?;
                for row in rows {
                    let line = copy_line(&row.get::<_, Vec<Option<String>>>(0));
                    // An error shows again, and better, in `finish`.
                    let _ = std::io::Write::write_all(&mut lines, line.as_bytes());
                }
                lines.finish().map(drop)
            }
        }
    }

    fn keep(&mut self, content: HashMap<i64, Group>) {
        self.mark += 1;
        self.world.tally.count("commits");
        let own = content.into_iter().filter(|(group, _)| *group >= 0);
        lock(&self.world.ledgers[self.number]).extend(own);
    }

    /// Decides what an error means, and whether a lost COMMIT was one.
    fn settle(
        &mut self,
        client: &Client,
        plan: &Plan,
        error: postgres::Error,
        committing: Option<HashMap<i64, Group>>,
        statement: &str,
    ) -> Result<()> {
        let tally = &self.world.tally;
        let code = error.code().cloned();
        let broken = client.is_closed() || code.as_ref().is_some_and(is_connection_error);
        if broken {
            if !self.world.is_shaken() {
                return Err(anyhow!(
                    "the connection broke by itself: {}; in {statement}",
                    said(&error)
                ));
            }
            tally.count("connections lost to faults");
            if let Some(content) = committing
                && marks::read(&self.world, self.number)? == self.mark + 1
            {
                tally.count("commits in doubt that had been done");
                self.keep(content);
            }
            return Ok(());
        }
        match code {
            Some(code) if plan.shared && CONFLICTS.contains(&code.code()) => {
                tally.count("conflicts among writers");
                Ok(())
            }
            Some(code) if code == SqlState::T_R_SERIALIZATION_FAILURE => {
                tally.count("40001 (to be retried)");
                if matches!(plan.level, IsolationLevel::ReadCommitted) {
                    return Err(anyhow!(
                        "40001 under READ COMMITTED: {}; in {statement}",
                        said(&error)
                    ));
                }
                Ok(())
            }
            // Two rows of one group with the same slot, given the same key. Raised by the statement itself and not from
            // within a trigger, it is what the table would say without us.
            Some(code) if code == SqlState::UNIQUE_VIOLATION && is_the_statements_own(&error) => {
                tally.count("unique violations of the writers' own");
                Ok(())
            }
            Some(code) if code == SqlState::T_R_DEADLOCK_DETECTED => {
                tally.complain("deadlocks (40P01)", format!("{}; in {statement}", said(&error)));
                Ok(())
            }
            _ => Err(anyhow!(
                "{}; at {:?}, as {:?}, in {statement}",
                said(&error),
                plan.level,
                self.guise
            )),
        }
    }
}

/// Why a transaction didn't end well; with its content when COMMIT was under way.
struct Stopped {
    error: postgres::Error,
    committing: Option<HashMap<i64, Group>>,
}

impl From<postgres::Error> for Stopped {
    fn from(error: postgres::Error) -> Self {
        Self {
            error,
            committing: None,
        }
    }
}

fn copy_line(values: &[Option<String>]) -> String {
    let escape = |value: &Option<String>| match value {
        None => "\\N".to_owned(),
        Some(text) => text
            .replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\n', "\\n")
            .replace('\r', "\\r"),
    };
    values.iter().map(escape).collect::<Vec<_>>().join("\t") + "\n"
}
