//! Named sessions that can be stopped in the middle of a statement: each runs on
//! a thread of its own, and says when it waits for another's lock.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, SimpleQueryMessage};

use crate::support::Database;

/// How long a statement may take that waits for nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection with at most one statement under way.
pub struct Session {
    pid: i32,
    statements: Sender<String>,
    answers: Receiver<Outcome>,
    answer: Option<Outcome>,
    watcher: Arc<Mutex<Client>>,
}

/// What a statement gave, or why it failed.
pub type Outcome = Result<Answer, Fault>;

/// Rows, with `|` between columns, and how many rows the last command counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Answer {
    pub rows: Vec<String>,
    pub affected: u64,
}

/// An error of the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: String,
    pub message: String,
}

/// Where a started statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Waits,
    Done,
}

/// The three that PostgreSQL has.
pub const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

impl Session {
    /// At READ COMMITTED.
    pub fn open(database: &Database) -> Self {
        Self::at(database, LEVELS[0])
    }

    /// With this isolation level for every transaction that names none.
    pub fn at(database: &Database, level: &str) -> Self {
        let mut session = Self::beside(database, Arc::new(Mutex::new(database.client())));
        session.set_level(level);
        session
    }

    fn beside(database: &Database, watcher: Arc<Mutex<Client>>) -> Self {
        let mut client = database.client();
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
        let (statements, work) = channel::<String>();
        let (done, answers) = channel();
        thread::spawn(move || {
            for sql in work {
                if done.send(execute(&mut client, &sql)).is_err() {
                    break;
                }
            }
        });
        let answer = None;
        Self {
            pid,
            statements,
            answers,
            answer,
            watcher,
        }
    }

    fn set_level(&mut self, level: &str) {
        self.ok(&format!("SET default_transaction_isolation = '{level}'"));
    }

    /// Starts a statement, and comes back when it is done or waits for a lock.
    pub fn start(&mut self, sql: &str) -> Progress {
        assert!(self.answer.is_none(), "the answer before was not taken");
        self.statements.send(sql.to_owned()).unwrap();
        self.settle(sql)
    }

    /// Starts a statement that must wait.
    pub fn waits(&mut self, sql: &str) {
        assert_eq!(self.start(sql), Progress::Waits, "{sql}: {:?}", self.answer);
    }

    /// The answer to what was started; whatever it waited for must be gone.
    pub fn finish(&mut self) -> Outcome {
        self.answer
            .take()
            .unwrap_or_else(|| self.answers.recv_timeout(PATIENCE).unwrap())
    }

    /// Starts and finishes.
    pub fn run(&mut self, sql: &str) -> Outcome {
        self.statements.send(sql.to_owned()).unwrap();
        self.finish()
    }

    /// The rows of a statement that must succeed.
    pub fn ok(&mut self, sql: &str) -> Vec<String> {
        self.run(sql)
            .unwrap_or_else(|fault| panic!("{sql}: {fault:?}"))
            .rows
    }

    /// The SQLSTATE of a statement that must fail.
    pub fn fails(&mut self, sql: &str) -> String {
        match self.run(sql) {
            Ok(answer) => panic!("{sql} succeeded: {answer:?}"),
            Err(fault) => fault.code,
        }
    }

    /// Whether it still waits for somebody's lock.
    pub fn is_waiting(&mut self) -> bool {
        let waits = "SELECT cardinality(pg_blocking_pids($1)) > 0";
        self.watcher
            .lock()
            .unwrap()
            .query_one(waits, &[&self.pid])
            .unwrap()
            .get(0)
    }

    fn settle(&mut self, sql: &str) -> Progress {
        let began = Instant::now();
        loop {
            match self.answers.try_recv() {
                Ok(answer) => {
                    self.answer = Some(answer);
                    return Progress::Done;
                }
                Err(TryRecvError::Disconnected) => panic!("the session is gone"),
                Err(TryRecvError::Empty) if began.elapsed() > PATIENCE => panic!("{sql} takes too long"),
                // Most statements are done before it is worth asking whether they wait.
                Err(TryRecvError::Empty) if began.elapsed() < Duration::from_millis(4) => {
                    thread::sleep(Duration::from_micros(100))
                }
                Err(TryRecvError::Empty) if self.is_waiting() => return Progress::Waits,
                Err(TryRecvError::Empty) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// Sessions that are used again once nothing of theirs is under way.
pub struct Crowd<'a> {
    database: &'a Database,
    watcher: Arc<Mutex<Client>>,
    idle: Vec<Session>,
}

impl<'a> Crowd<'a> {
    pub fn new(database: &'a Database) -> Self {
        let watcher = Arc::new(Mutex::new(database.client()));
        Self {
            database,
            watcher,
            idle: Vec::new(),
        }
    }

    pub fn take(&mut self, level: &str) -> Session {
        let idle = self.idle.pop();
        let mut session = idle.unwrap_or_else(|| Session::beside(self.database, Arc::clone(&self.watcher)));
        session.set_level(level);
        session
    }

    pub fn put_back(&mut self, session: Session) {
        self.idle.push(session);
    }
}

fn execute(client: &mut Client, sql: &str) -> Outcome {
    let messages = client.simple_query(sql).map_err(|error| {
        let code = error.code().map_or("none", |code| code.code()).to_owned();
        let message = error
            .as_db_error()
            .map_or_else(|| error.to_string(), |e| e.message().to_owned());
        Fault { code, message }
    })?;
    let mut answer = Answer::default();
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => {
                let columns = (0..row.len()).map(|i| row.get(i).unwrap_or("null"));
                answer.rows.push(columns.collect::<Vec<_>>().join("|"));
            }
            SimpleQueryMessage::CommandComplete(count) => answer.affected = count,
            _ => {}
        }
    }
    Ok(answer)
}
