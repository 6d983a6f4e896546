//! The server, and for each way a database of its own: a copy of one that was made once, dropped afterwards, so that
//! no way inherits what another did.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use pgcleave::server::{Programs, Server};
use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::interrupt;
use crate::program::{self, Run};
use crate::setup::SETTINGS;
use crate::subject::{self, Shape, Subject};

/// The table and its indexes into the server's memory, as far as they fit.
const WARM: &str = "SELECT sum(pg_prewarm(oid)) FROM pg_class
    WHERE oid = 'public.events'::regclass
       OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'public.events'::regclass)";

pub struct Ground {
    server: Arc<Server>,
    templates: BTreeMap<Shape, Subject>,
    databases: usize,
}

/// A database that is dropped with this.
pub struct Database {
    server: Arc<Server>,
    name: String,
    /// Of the migrations.
    folder: TempDir,
}

/// A database with the table in it.
pub struct Table {
    pub subject: Subject,
    pub database: Database,
}

impl Ground {
    /// # Errors
    /// When there are no programs or they don't start.
    pub fn start(bin: Option<&Path>) -> Result<Self> {
        let programs = match bin {
            // The server's programs run in another folder.
            Some(bin) => Programs::at(bin.canonicalize()?).context("there is no PostgreSQL server there")?,
            None => Programs::find()?,
        };
        let server = Arc::new(Server::start(&programs, &SETTINGS)?);
        interrupt::watch(Arc::downgrade(&server));
        Ok(Self {
            server,
            templates: BTreeMap::new(),
            databases: 0,
        })
    }

    /// # Errors
    /// When the server's program doesn't say.
    pub fn version(&self) -> Result<String> {
        Ok(self.server.programs().version()?)
    }

    /// A table of that shape, as if just loaded.
    ///
    /// # Errors
    /// When the server says no, or after Ctrl-C.
    pub fn table(&mut self, shape: Shape) -> Result<Table> {
        interrupt::check()?;
        let subject = self.template(shape)?;
        let name = self.next_name();
        let mut client = connect(&self.server, "postgres")?;
        let version: i32 = client
            .query_one("SELECT current_setting('server_version_num')::integer", &[])?
            .get(0);
        // Before 15 there is no other strategy.
        let strategy = if version < 150_000 {
            ""
        } else {
            "STRATEGY file_copy"
        };
        let text = format!("CREATE DATABASE {name} TEMPLATE {} {strategy}", shape.label());
        client.batch_execute(&text)?;
        let database = Database::new(&self.server, name)?;
        // A copied database's pages are in nobody's memory yet.
        database.client()?.batch_execute(WARM)?;
        Ok(Table { subject, database })
    }

    /// Makes room on the disk.
    ///
    /// # Errors
    /// When the server says no.
    pub fn forget(&mut self, shape: Shape) -> Result<()> {
        if self.templates.remove(&shape).is_some() {
            let text = format!("DROP DATABASE {}", shape.label());
            connect(&self.server, "postgres")?.batch_execute(&text)?;
        }
        Ok(())
    }

    fn template(&mut self, shape: Shape) -> Result<Subject> {
        if let Some(subject) = self.templates.get(&shape) {
            return Ok(*subject);
        }
        println!("loading {}", shape.label());
        self.server.create_database(&shape.label())?;
        let subject = subject::load(&mut connect(&self.server, &shape.label())?, shape)?;
        self.templates.insert(shape, subject);
        Ok(subject)
    }

    fn next_name(&mut self) -> String {
        self.databases += 1;
        format!("way_{}", self.databases)
    }
}

impl Database {
    fn new(server: &Arc<Server>, name: String) -> Result<Self> {
        Ok(Self {
            server: Arc::clone(server),
            name,
            folder: tempfile::Builder::new().prefix("pgcleave-bench-").tempdir()?,
        })
    }

    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// # Errors
    /// When there is no connection.
    pub fn client(&self) -> Result<Client> {
        connect(&self.server, &self.name)
    }

    /// Everything written so far is out of the way of what is measured next.
    ///
    /// # Errors
    /// When the server says no, or after Ctrl-C.
    pub fn checkpoint(&self) -> Result<()> {
        interrupt::check()?;
        Ok(self.client()?.batch_execute("CHECKPOINT")?)
    }

    /// # Errors
    /// With what it said.
    pub fn pgcleave(&self, arguments: &[&str]) -> Result<Run> {
        interrupt::check()?;
        program::run(self.folder.path(), &self.url(), arguments)
    }

    /// `apply`, up to this step.
    ///
    /// # Errors
    /// With what it said.
    pub fn apply(&self, through: &str, more: &[&str]) -> Result<Run> {
        let mut arguments = vec!["apply", "public.events", "--yes", "--through", through];
        arguments.extend(more);
        self.pgcleave(&arguments)
    }

    /// Bytes of WAL so far.
    ///
    /// # Errors
    /// When the server says no.
    pub fn wal(&self) -> Result<f64> {
        let text = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8";
        Ok(self.client()?.query_one(text, &[])?.get(0))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Where this fails, the server is gone or goes soon.
        if let Ok(mut client) = connect(&self.server, "postgres") {
            let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

impl Table {
    /// Writes the migrations.
    ///
    /// # Errors
    /// With what it said.
    pub fn generate(&self) -> Result<Run> {
        let (interval, _) = self.subject.shape.interval();
        self.database.pgcleave(&[
            "generate",
            "public.events",
            "--key",
            "created_at",
            "--interval",
            interval,
            "--premake",
            "1",
            "--yes",
            "--allow",
            "many_partitions",
        ])
    }

    /// Up to where the copy begins.
    ///
    /// # Errors
    /// With what it said.
    pub fn prepare(&self) -> Result<()> {
        self.generate()?;
        self.database.apply("create_batch_copy_procedure", &[])?;
        Ok(())
    }
}

fn connect(server: &Server, database: &str) -> Result<Client> {
    Ok(Client::connect(&server.url(database), NoTls)?)
}
