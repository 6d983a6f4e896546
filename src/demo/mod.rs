//! The whole way on a throwaway server, with writers at work.
//!
//! It runs the program itself, verb by verb, as its user would, and judges the
//! result by what the writers know that they committed.

use std::io;
use std::path::PathBuf;

use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::server::{Programs, Server, ServerError};
use crate::sql::{Ident, QualifiedName};

mod check;
mod crew;
mod ledger;
mod phases;
mod report;
mod sample;
mod stage;
mod statements;
mod verbs;
mod work;
mod writers;

pub use check::Check;
pub use phases::{Pause, Phase};
pub use report::{Outcome, Seconds};

use crew::Crew;
use sample::{Origin, Subject};
use stage::Stage;
use verbs::Pgcleave;

const DATABASE: &str = "demo";

/// What the demo is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `pgcleave` to run.
    pub program: PathBuf,
    /// Of the sample table.
    pub rows: i64,
    pub writers: usize,
    /// Files to load instead of the sample table; then `table` and `key` are needed.
    pub schema: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub table: Option<String>,
    pub key: Option<String>,
    /// What becomes of its keys, as flags of `generate` say it.
    pub unique: Vec<String>,
    pub incoming: Vec<String>,
    pub interval: String,
    /// Leave the server running.
    pub keep: bool,
}

/// Why the demo came to no result.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("the demo's own SQL failed")]
    Database(#[from] postgres::Error),
    #[error(transparent)]
    Name(#[from] crate::sql::IdentError),
    #[error("{0}")]
    Options(String),
    #[error("can't make a folder for the migrations")]
    Folder(#[source] io::Error),
    #[error("can't write down what the writers committed")]
    Ledger(#[source] io::Error),
    #[error("can't run {program}")]
    Run {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("psql can't load {file}: {output}")]
    Load { file: PathBuf, output: String },
    #[error("{command} refused the table:\n{said}")]
    Refused { command: String, said: String },
    #[error("{command} ended with exit code {code}:\n{said}")]
    Verb {
        command: String,
        code: i32,
        said: String,
    },
    #[error("interrupted")]
    Interrupted,
}

impl DemoError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Server(error) => error.hint(),
            Self::Options(_) => Some("pgcleave demo --schema FILE --table public.events --key created_at"),
            Self::Folder(_) => Some("set TMPDIR to a folder with room"),
            Self::Run { program, .. } if program.as_os_str() == "psql" => {
                Some("install psql: apt-get install postgresql-client")
            }
            Self::Load { .. } => {
                Some("the file must load into an empty database by psql -v ON_ERROR_STOP=1 -f")
            }
            Self::Refused { .. } => Some("choose another table or key, by --table and --key"),
            Self::Verb { .. } => Some("run the demo again with --keep and look at the server that it leaves"),
            Self::Database(_) | Self::Name(_) | Self::Ledger(_) | Self::Run { .. } | Self::Interrupted => {
                None
            }
        }
    }
}

/// Converts a table under load, rolls back, and converts it again.
///
/// `interrupted` is asked between the verbs; `talk` hears what is under way.
///
/// # Errors
/// When there is no result; one that isn't good enough is an [`Outcome`] whose
/// musts don't hold.
pub fn run(
    options: &Options,
    interrupted: &dyn Fn() -> bool,
    talk: &mut dyn FnMut(&str),
) -> Result<Outcome, DemoError> {
    let chosen = choose_table(options)?;
    let programs = Programs::find()?;
    talk("starting a throwaway server");
    let server = Server::start(
        &programs,
        &[("timezone", "UTC"), ("maintenance_work_mem", "128MB")],
    )?;
    let folder = tempfile::Builder::new()
        .prefix("pgcleave-demo-")
        .tempdir()
        .map_err(DemoError::Folder)?;
    let result = convert(options, chosen, &server, &folder, interrupted, talk);
    if !options.keep {
        return result;
    }
    let kept = keep(server, folder);
    match result {
        Ok(outcome) => Ok(Outcome {
            kept: Some(kept),
            ..outcome
        }),
        Err(error) => {
            talk(&kept);
            Err(error)
        }
    }
}

/// The table as it is written on the command line, and as SQL.
struct Chosen {
    text: String,
    table: QualifiedName,
    key: Ident,
}

fn choose_table(options: &Options) -> Result<Chosen, DemoError> {
    let sample = options.schema.is_none();
    if sample && (options.data.is_some() || options.table.is_some() || options.key.is_some()) {
        return Err(DemoError::Options(
            "--data, --table and --key belong to a --schema".to_owned(),
        ));
    }
    let (text, key) = match (&options.table, &options.key) {
        _ if sample => ("public.events".to_owned(), "created_at".to_owned()),
        (Some(table), Some(key)) => (table.clone(), key.clone()),
        _ => {
            return Err(DemoError::Options(
                "a --schema needs --table and --key".to_owned(),
            ));
        }
    };
    let (schema, name) = QualifiedName::parse(&text)?;
    let schema = schema.map_or_else(|| Ident::new("public"), Ok)?;
    Ok(Chosen {
        text,
        table: QualifiedName::new(schema, name),
        key: Ident::new(key)?,
    })
}

fn load(
    client: &mut Client,
    options: &Options,
    chosen: &Chosen,
    server: &Server,
) -> Result<Subject, DemoError> {
    let origin = if options.schema.is_none() {
        Origin::Sample
    } else {
        Origin::Files
    };
    if origin == Origin::Sample {
        sample::load_sample(client, options.rows)?;
    }
    for file in options.schema.iter().chain(&options.data) {
        sample::load_file(server, &server.url(DATABASE), file)?;
    }
    client.batch_execute("ANALYZE")?;
    Subject::read(client, chosen.table.clone(), chosen.key.clone(), origin)
}

fn convert(
    options: &Options,
    chosen: Chosen,
    server: &Server,
    folder: &TempDir,
    interrupted: &dyn Fn() -> bool,
    talk: &mut dyn FnMut(&str),
) -> Result<Outcome, DemoError> {
    server.create_database(DATABASE)?;
    let url = server.url(DATABASE);
    let mut client = Client::connect(&url, NoTls)?;
    talk(&format!("loading {}", chosen.text));
    let subject = load(&mut client, options, &chosen, server)?;
    let rows = check::take_baseline(&mut client, &subject)?;
    talk(&format!("{rows} rows; starting {} writers", options.writers));
    let crew = Crew::start(&url, &subject, rows, options.writers)?;
    let program = Pgcleave {
        program: options.program.clone(),
        folder: folder.path().to_owned(),
        url,
    };
    let stage = Stage {
        program,
        table: chosen.text,
        subject,
        client,
        crew,
        interrupted,
        talk,
        checks: Vec::new(),
    };
    let server_version = server.programs().version()?;
    stage.play(options, rows, server_version)
}

/// Leaves everything as it is and says where.
fn keep(server: Server, folder: TempDir) -> String {
    let (port, user, stop) = (server.port(), server.user(), server.stop_command());
    let migrations = folder.keep();
    let socket = server.keep();
    format!(
        "The server goes on running: psql -h {} -p {port} -U {user} -d {DATABASE}\nIts migrations: {}\nTo end it: {stop}; then remove both folders.",
        socket.display(),
        migrations.display()
    )
}
