//! The only source of the figures in docs/PERFORMANCE.md: what a conversion costs, beside other ways to do the same.
//!
//! `cargo bench --bench conversion -- --help`. It starts a server of its own, runs the ways in turn, and judges ratios
//! of one run, as times alone say more about the machine than about pgcleave. Nothing here asserts a time.

mod chart;
mod docs;
mod figures;
mod goals;
mod ground;
mod interrupt;
mod parts;
mod peers;
mod program;
mod report;
mod setup;
mod subject;
mod writers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

use figures::Figures;
use ground::Ground;
use parts::{Bench, Part};
use setup::Setup;

/// Measures conversions of a table, and other ways to the same end, beside their goals.
#[derive(Debug, Parser)]
struct Options {
    /// Rows of the table.
    #[arg(long)]
    rows: Option<i64>,
    /// How often everything is measured, in an order that is rotated by one each time.
    #[arg(long)]
    rounds: Option<usize>,
    /// Folder with PostgreSQL's server programs.
    #[arg(long, value_name = "BIN")]
    pg: Option<PathBuf>,
    /// Small tables, one round, under two minutes: to see that the bench works. Its figures are no figures.
    #[arg(long)]
    quick: bool,
    /// Measure these parts only.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Measure these parts in the first round only: they take long.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    once: Vec<Part>,
    /// Rows of the great table of `scale`.
    #[arg(long)]
    scale_rows: Option<i64>,
    /// Where the figures go; the chart goes beside them.
    #[arg(long, value_name = "FILE", default_value = "target/bench/conversion.json")]
    json: PathBuf,
    /// Measure nothing: take an earlier run's figures for the tables and the chart.
    #[arg(long, value_name = "JSON")]
    chart_from: Option<PathBuf>,
    /// Write the goals into docs/PERFORMANCE.md, and the chart into docs/performance.svg.
    #[arg(long)]
    write_docs: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that a variable may ask for: what pgcleave said is what matters.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let figures = match &options.chart_from {
        Some(file) => Figures::read(file)?,
        None => measure(options)?,
    };
    report::print(&figures);
    let json = options.chart_from.as_ref().unwrap_or(&options.json);
    draw(&figures, &json.with_extension("svg"))?;
    if options.write_docs {
        write_docs(&figures)?;
    }
    Ok(())
}

fn measure(options: &Options) -> Result<Figures> {
    interrupt::catch()?;
    let ground = Ground::start(options.pg.as_deref())?;
    let setup = Setup::new(
        options.quick,
        options.rows,
        options.rounds,
        options.scale_rows,
        ground.version()?,
    );
    let mut bench = Bench::new(ground, Figures::new(setup));
    let chosen = match options.only.as_slice() {
        [] => Part::ALL,
        some => some,
    };
    let done = bench.run(chosen, &options.once);
    // Half a run is worth having, too.
    if bench.figures.any() {
        bench.figures.write(&options.json)?;
    }
    interrupt::explain(done)?;
    println!("figures: {}", options.json.display());
    Ok(bench.figures)
}

fn draw(figures: &Figures, path: &Path) -> Result<()> {
    if !chart::has_bars(figures) {
        return Ok(());
    }
    chart::draw(figures, path).with_context(|| format!("can't draw {}", path.display()))?;
    println!("chart: {}", path.display());
    Ok(())
}

fn write_docs(figures: &Figures) -> Result<()> {
    if figures.setup.quick {
        bail!("the figures of a --quick run are no figures, so they don't go into the documents");
    }
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let path = docs.join("PERFORMANCE.md");
    docs::write(figures, &path)?;
    println!("goals: {}", path.display());
    draw(figures, &docs.join("performance.svg"))
}
