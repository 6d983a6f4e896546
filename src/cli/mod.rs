//! The command line: one verb per file, each load → decide → show → act.

mod apply;
mod changes;
mod check;
mod connect;
mod demo;
mod existing;
mod facts;
mod failure;
mod generate;
mod hold;
mod inspect;
mod interrupt;
mod load;
mod lock;
mod made_by;
mod noted;
mod notices;
mod partitioning_args;
mod pause;
mod pg_cron;
mod placing;
mod progress_bar;
mod project;
mod prompt;
mod rollback;
mod run_context;
mod set;
mod source;
mod status;
mod throttle;
mod verify;
mod wizard;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub use check::{CheckArgs, CheckFormat};
pub use demo::DemoArgs;
pub use failure::Failure;
pub use load::LoadArgs;
pub use lock::LockArgs;
pub use partitioning_args::PartitioningArgs;
pub use placing::RunnerChoice;

use crate::spec::CopyBy;

/// Turns a live PostgreSQL table into a natively partitioned one.
#[derive(Debug, Parser)]
#[command(
    name = "pgcleave",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Example:\n  pgcleave inspect public.events\n  pgcleave generate public.events --key created_at --interval monthly\n  pgcleave apply public.events\n\nThe connection is --database-url, else DATABASE_URL, else libpq's PG* variables.\nExit codes: 0 done, 1 failed, 2 usage, 3 differences, 4 refused, 5 no connection or privilege, 6 locked, 130 interrupted."
)]
pub struct Cli {
    /// Connection URL or key=value string; the password is better kept in ~/.pgpass or PGPASSWORD.
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// When to colour the output (NO_COLOR is honoured).
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Say less: no progress, no notices.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: the server's notices in full.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub verb: Verb,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// How a verb reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show a table's facts and everything that stands in the way; changes nothing.
    #[command(after_help = "Example:\n  pgcleave inspect public.events --key created_at")]
    Inspect(InspectArgs),
    /// Write the migrations; asks for what is missing on a terminal.
    #[command(
        after_help = "Example:\n  pgcleave generate public.events --key created_at --interval monthly\n\nWhat flags don't say is taken from the table's entry in pgcleave.toml, where there is one."
    )]
    Generate(GenerateArgs),
    /// Compare the files with what pgcleave writes, and the recorded table with the server's; changes nothing.
    #[command(after_help = check::HELP)]
    Check(CheckArgs),
    /// Run the pending migrations, step by confirmed step.
    #[command(after_help = "Example:\n  pgcleave apply public.events --through verify_copy")]
    Apply(ApplyArgs),
    /// Show where a conversion stands and what to run next.
    #[command(after_help = "Example:\n  pgcleave status public.events --watch")]
    Status(StatusArgs),
    /// Compare source and copy by checksums, in one snapshot, without blocking anyone.
    #[command(
        after_help = "Examples:\n  pgcleave verify public.events --checksum --jobs 4\n  pgcleave verify public.events --repair --yes\n\nGoes on where an interrupted run stopped when the table is ordered by its key. Exit code 3 on any difference."
    )]
    Verify(VerifyArgs),
    /// Make the batch copy and the catch-up wait after their current batch.
    #[command(after_help = "Example:\n  pgcleave pause public.events")]
    Pause(PauseArgs),
    /// Let a paused batch copy or catch-up go on.
    #[command(after_help = "Example:\n  pgcleave resume public.events")]
    Resume(PauseArgs),
    /// Show and change how much a copy may take, while it runs.
    #[command(
        after_help = "Examples:\n  pgcleave throttle public.events\n  pgcleave throttle public.events --jobs 4 --sleep 50ms --max-active-sessions 40"
    )]
    Throttle(ThrottleArgs),
    /// Undo steps, newest first; after the cutover every write made since is kept.
    #[command(
        after_help = "Example:\n  pgcleave rollback public.events --to verify_copy   # undoes the cutover only"
    )]
    Rollback(RollbackArgs),
    /// The whole way on a throwaway local server with live writers, and what it measured.
    #[command(after_help = "Example:\n  pgcleave demo --rows 200000")]
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  pgcleave completions bash > /etc/bash_completion.d/pgcleave")]
    Completions { shell: clap_complete::Shell },
    /// Print the manual page.
    #[command(after_help = "Example:\n  pgcleave man | man -l -")]
    Man,
    /// Print the JSON Schema of pgcleave.toml, for editors.
    #[command(after_help = "Example:\n  pgcleave schema > pgcleave.schema.json")]
    Schema,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Table, as SQL would write it: public.events.
    pub table: String,
    #[command(flatten)]
    pub partitioning: PartitioningArgs,
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Table, as SQL would write it: public.events.
    pub table: Option<String>,
    #[command(flatten)]
    pub partitioning: PartitioningArgs,
    /// Blocks of the source table per batch (1024).
    #[arg(long, value_name = "BLOCKS")]
    pub batch_size: Option<u32>,
    /// Who copies the rows: the migrations (inline), you by the same statements (manual), or a job of pg_cron's.
    #[arg(long, value_name = "BY")]
    pub copy: Option<CopyBy>,
    /// Migration runner that the files are for (plain).
    #[arg(long, value_name = "NAME")]
    pub runner: Option<RunnerChoice>,
    /// The runner's folder of migrations, where it isn't the one that its marks say.
    #[arg(long, value_name = "FOLDER")]
    pub directory: Option<PathBuf>,
    /// Last step that gets a migration for the runner (verify_copy: the cutover is written when it is asked for).
    #[arg(long, value_name = "STEP")]
    pub through: Option<String>,
    /// Folder of the table's own folder: plain migrations, or what belongs to the runner's (migrations_out).
    #[arg(long)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub spec: SpecPath,
    /// Print the SQL instead of writing files.
    #[arg(long)]
    pub dry_run: bool,
    /// Overwrite files that were edited by hand.
    #[arg(long)]
    pub yes: bool,
}

/// Where the spec is.
#[derive(Debug, Args)]
pub struct SpecPath {
    /// The spec.
    #[arg(long = "spec", value_name = "FILE", default_value = "pgcleave.toml")]
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Table; may be left out when the spec has only one.
    pub table: Option<String>,
    #[command(flatten)]
    pub spec: SpecPath,
    /// Run every step without asking (move_incoming_foreign_keys and drop_retired_table only when named by --through).
    #[arg(long)]
    pub yes: bool,
    /// Last step to run: its number or its name.
    #[arg(long, value_name = "STEP")]
    pub through: Option<String>,
    /// Hazard to allow by name: unseen_snapshots, edited_files.
    #[arg(long, value_name = "HAZARD")]
    pub allow: Vec<Hazard>,
    #[command(flatten)]
    pub load: LoadArgs,
    /// The batch copy and the catch-up wait while this file is there.
    #[arg(long, value_name = "FILE", help_heading = "Load")]
    pub pause_file: Option<PathBuf>,
    #[command(flatten)]
    pub lock: LockArgs,
    /// The switch counts rows with writers blocked only if that takes no longer than this (50ms).
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Cutover")]
    pub switch_budget: Option<Duration>,
    /// The cutover counts rows before its lock, blocking nobody, only if that takes no longer than this (1m).
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Cutover")]
    pub count_budget: Option<Duration>,
    /// The cutover refuses a verification that is older; apply makes a new one first (1h).
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Cutover")]
    pub verified_within: Option<Duration>,
    /// Count the rows once more under the cutover's lock; everybody waits meanwhile.
    #[arg(long, help_heading = "Cutover")]
    pub recount_under_lock: bool,
    /// Ask before the cutover even with --yes; the copy is kept in step and verified again meanwhile.
    #[arg(long, conflicts_with = "hold_file", help_heading = "Cutover")]
    pub hold: bool,
    /// Wait with the cutover until this file vanishes; the copy is kept in step and verified again meanwhile.
    #[arg(long, value_name = "FILE", help_heading = "Cutover")]
    pub hold_file: Option<PathBuf>,
}

/// What `apply` and `rollback` stop at unless it is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Hazard {
    /// The role can't see others' snapshots (pg_read_all_stats) before the cutover.
    UnseenSnapshots,
    /// The files aren't what pgcleave would write.
    EditedFiles,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    pub table: Option<String>,
    #[arg(long, default_value = "text")]
    pub format: Format,
    /// Show it again every two seconds until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub spec: SpecPath,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    pub table: Option<String>,
    /// Compare every row by checksums: the default, and the only way there is.
    #[arg(long)]
    pub checksum: bool,
    /// Sessions that read at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Mend differing keys by reading them again from the source, then verify them again.
    #[arg(long)]
    pub repair: bool,
    /// Repair without asking.
    #[arg(long)]
    pub yes: bool,
    /// Name at most so many differing keys.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_keys: usize,
    /// Partitions that an interrupted run found equal are read again after this time; 0s reads everything.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub resume_within: Duration,
    #[arg(long, default_value = "text")]
    pub format: Format,
    #[command(flatten)]
    pub spec: SpecPath,
}

#[derive(Debug, Args)]
pub struct PauseArgs {
    pub table: Option<String>,
    #[command(flatten)]
    pub spec: SpecPath,
}

#[derive(Debug, Args)]
pub struct ThrottleArgs {
    pub table: Option<String>,
    #[command(flatten)]
    pub spec: SpecPath,
    #[command(flatten)]
    pub load: LoadArgs,
    #[arg(long, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    pub table: Option<String>,
    #[command(flatten)]
    pub spec: SpecPath,
    /// Last step to keep: its number or its name; without it everything is undone.
    #[arg(long, value_name = "STEP")]
    pub to: Option<String>,
    /// Undo without asking.
    #[arg(long)]
    pub yes: bool,
    /// Hazard to allow by name: edited_files.
    #[arg(long, value_name = "HAZARD")]
    pub allow: Vec<Hazard>,
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Runs a verb.
///
/// # Errors
/// With the exit code of INTERFACE: what failed and what to do next.
pub fn run(cli: &Cli) -> Result<(), Failure> {
    match cli.color {
        Color::Auto => {}
        Color::Always => set_colors(true),
        Color::Never => set_colors(false),
    }
    match &cli.verb {
        Verb::Inspect(args) => inspect::run(cli, args),
        Verb::Generate(args) => generate::run(cli, args),
        Verb::Check(args) => check::run(cli, args),
        Verb::Apply(args) => apply::run(cli, args),
        Verb::Status(args) => status::run(cli, args),
        Verb::Verify(args) => verify::run(cli, args),
        Verb::Pause(args) => pause::pause(cli, args),
        Verb::Resume(args) => pause::resume(cli, args),
        Verb::Throttle(args) => throttle::run(cli, args),
        Verb::Rollback(args) => rollback::run(cli, args),
        Verb::Demo(args) => demo::run(cli, args),
        Verb::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "pgcleave", &mut std::io::stdout());
            Ok(())
        }
        Verb::Man => clap_mangen::Man::new(Cli::command())
            .render(&mut std::io::stdout())
            .map_err(Failure::output),
        Verb::Schema => {
            let schema = serde_json::to_string_pretty(&crate::spec::json_schema())?;
            writeln!(std::io::stdout(), "{schema}").map_err(Failure::output)
        }
    }
}

/// A length of time as people write it: 500ms, 2s, 1h 30m.
fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}

fn set_colors(on: bool) {
    console::set_colors_enabled(on);
    console::set_colors_enabled_stderr(on);
}
