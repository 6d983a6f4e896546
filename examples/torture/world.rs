//! One run's server, table and books, which all threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use pgcleave::server::{Programs, Server, Stop};
use postgres::error::SqlState;
use postgres::{Client, NoTls};

use crate::ddl::{self, OWNER};
use crate::ledger::{self, Differences, Ledger};
use crate::shape::Shape;
use crate::tally::{Tally, lock};

pub const DBNAME: &str = "torture";

/// How long after an injected fault a lost connection needs no other explanation.
const AFTERSHOCK: Duration = Duration::from_secs(20);

/// What every thread of a run knows.
pub struct World {
    pub server: Server,
    pub shape: Shape,
    pub today: String,
    /// The server's major version.
    pub version: u32,
    pub seed: u64,
    pub tally: Arc<Tally>,
    pub stop: AtomicBool,
    /// Writers hold it shared for each transaction; whoever wants quiet holds it alone.
    pub pause: RwLock<()>,
    pub ledgers: Vec<Mutex<Ledger>>,
    last_break: Mutex<Option<Instant>>,
    /// TRUNCATE isn't safe for older snapshots, with or without us.
    pub truncations: AtomicU64,
    /// Set while the table has a column too many.
    pub odd_structure: AtomicBool,
    /// How often that was set or unset.
    pub oddities: AtomicU64,
}

impl World {
    /// Says whether the table is odd from here on.
    pub fn set_odd(&self, odd: bool) {
        self.odd_structure.store(odd, Ordering::SeqCst);
        self.oddities.fetch_add(1, Ordering::SeqCst);
    }

    /// Starts the server, makes the table, and writes down what it holds.
    pub fn build(programs: &Programs, seed: u64, tally: Arc<Tally>) -> Result<Arc<Self>> {
        let mut rng = Rng::with_seed(seed);
        let settings = draw_settings(&mut rng);
        let server = Server::start(programs, &settings).context("the throwaway server")?;
        server.create_database(DBNAME)?;
        let mut client = connect_once(&server.url(DBNAME))?;
        let has_citext = client
            .query_opt("SELECT FROM pg_available_extensions WHERE name = 'citext'", &[])?
            .is_some();
        let today: String = client.query_one("SELECT current_date::text", &[])?.get(0);
        let number: String = client
            .query_one("SELECT current_setting('server_version_num')", &[])?
            .get(0);
        let version = number.parse::<u32>().unwrap_or_default() / 10_000;
        let shape = Shape::draw(&mut rng, has_citext);
        execute(&mut client, &ddl::roles(&shape, DBNAME, has_citext))?;
        execute(&mut client, &ddl::schema(&shape, &today))?;
        let writers = rng.usize(3..=4);
        let marks = format!(
            "INSERT INTO {} SELECT w, 0 FROM generate_series(0, {writers}) w",
            shape.beside("marks")
        );
        execute(&mut client, &marks)?;
        let world = Self {
            server,
            shape,
            today,
            version,
            seed,
            tally,
            stop: AtomicBool::new(false),
            pause: RwLock::new(()),
            ledgers: (0..writers).map(|_| Mutex::default()).collect(),
            last_break: Mutex::new(None),
            truncations: AtomicU64::new(0),
            odd_structure: AtomicBool::new(false),
            oddities: AtomicU64::new(0),
        };
        world.open_books(&mut client)?;
        Ok(Arc::new(world))
    }

    fn open_books(&self, client: &mut Client) -> Result<()> {
        for (group, rows) in ledger::read(client, &self.shape, None)? {
            lock(&self.ledgers[self.owner(group)]).insert(group, rows);
        }
        Ok(())
    }

    fn owner(&self, group: i64) -> usize {
        group.unsigned_abs() as usize % self.ledgers.len()
    }

    /// The program's URL: the superuser's, or the owner's.
    pub fn program_url(&self) -> String {
        let url = self.server.url(DBNAME);
        if self.shape.owned {
            url.replacen("postgresql://postgres@", &format!("postgresql://{OWNER}@"), 1)
        } else {
            url
        }
    }

    /// A connection, patiently: the server may be starting again.
    pub fn connect(&self, name: &str) -> Result<Client> {
        let deadline = Instant::now() + Duration::from_secs(45);
        let url = format!("{}?application_name={name}", self.server.url(DBNAME));
        loop {
            match connect_once(&url) {
                Ok(client) => return Ok(client),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Notes that connections may break now.
    pub fn breaks(&self) {
        *lock(&self.last_break) = Some(Instant::now());
    }

    pub fn is_shaken(&self) -> bool {
        lock(&self.last_break).is_some_and(|at| at.elapsed() < AFTERSHOCK)
    }

    /// Stops the server as a crash would, and starts it again.
    pub fn crash(&self, down: Duration) -> Result<()> {
        self.breaks();
        self.server.stop(Stop::Immediate)?;
        thread::sleep(down);
        self.server.restart()?;
        self.breaks();
        Ok(())
    }

    /// With the writers held: the tables' whole content against the books.
    pub fn audit(&self, when: &str) -> Result<bool> {
        let mut client = self.connect("torture_audit")?;
        let mut found = ledger::read(&mut client, &self.shape, None)?;
        let mut differences = Differences::default();
        for (group, expected) in self.ledgers.iter().flat_map(|books| lock(books).clone()) {
            let rows = found.remove(&group).unwrap_or_default();
            differences.compare(group, &expected, &rows);
        }
        // Shared groups stand in nobody's books: comparing both sides is what guards them.
        for (group, rows) in found.iter().filter(|(group, _)| **group >= 0) {
            differences.compare(*group, &ledger::Group::new(), rows);
        }
        self.report(&differences, when);
        Ok(differences.is_none())
    }

    /// Counts what differs.
    pub fn report(&self, differences: &Differences, when: &str) {
        if differences.is_none() {
            return;
        }
        self.tally.add("lost", differences.lost);
        self.tally.add("stale", differences.stale);
        self.tally.add("ghost", differences.ghost);
        let message = format!(
            "{when}: {} lost, {} stale, {} ghost; {}",
            differences.lost,
            differences.stale,
            differences.ghost,
            differences.examples.join("; ")
        );
        // The three counters above have it already.
        self.tally
            .complain("reports of lost, stale and ghost rows", message);
    }
}

fn connect_once(url: &str) -> Result<Client> {
    let mut client = Client::connect(url, NoTls)?;
    // What rows look like as text must not depend on the server's settings.
    client.batch_execute(
        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1;
         SET bytea_output = 'hex'; SET statement_timeout = '75s'; SET standard_conforming_strings = on;
         SET default_transaction_isolation = 'read committed'",
    )?;
    Ok(client)
}

/// Runs a script, and shows it when it fails.
pub fn execute(client: &mut Client, sql: &str) -> Result<()> {
    if let Err(error) = client.batch_execute(sql) {
        bail!("{}\n{sql}", said(&error));
    }
    Ok(())
}

/// A server's error in full.
pub fn said(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!(
            "{} {}{}{}",
            db.code().code(),
            db.message(),
            db.detail().map_or(String::new(), |d| format!(" ({d})")),
            db.where_().map_or(String::new(), |w| format!(" [{w}]"))
        ),
        None => format!("{error:?}"),
    }
}

/// Whether the code says that the session is over, or never began.
pub fn is_connection_error(code: &SqlState) -> bool {
    code.code().starts_with("08") || ["57P01", "57P02", "57P03", "57P05"].contains(&code.code())
}

fn draw_settings(rng: &mut Rng) -> Vec<(&'static str, &'static str)> {
    let mut settings = vec![
        ("max_connections", "40"),
        ("shared_buffers", "64MB"),
        ("jit", "off"),
        ("autovacuum_naptime", "1s"),
        ("autovacuum_vacuum_threshold", "200"),
        ("log_line_prefix", "%t [%p] %a "),
        ("log_lock_waits", "on"),
    ];
    let choices: [(&str, &[&str]); 10] = [
        (
            "default_transaction_isolation",
            &["read committed", "repeatable read", "serializable"],
        ),
        ("wal_level", &["replica", "logical"]),
        ("DateStyle", &["ISO, MDY", "German", "SQL, DMY"]),
        ("TimeZone", &["UTC", "Asia/Kathmandu", "America/New_York"]),
        ("IntervalStyle", &["postgres", "iso_8601", "sql_standard"]),
        ("bytea_output", &["hex", "escape"]),
        ("extra_float_digits", &["1", "0", "-5"]),
        ("standard_conforming_strings", &["on", "off"]),
        ("plan_cache_mode", &["auto", "force_generic_plan"]),
        ("enable_seqscan", &["on", "off"]),
    ];
    for (name, values) in choices {
        if rng.u8(..100) < 40 {
            settings.push((name, values[rng.usize(..values.len())]));
        }
    }
    settings
}
