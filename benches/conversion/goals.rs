//! What is to be reached: ratios of two series of one run, and a few absolute figures.

use crate::figures::{Figures, Spread};
use crate::setup::Setup;
use crate::subject::{Columns, Shape, grouped};

/// What a goal asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Shown beside the goals, but none.
    Free,
}

/// A series, or the ratio of two.
#[derive(Debug, Clone)]
pub struct Goal {
    pub what: String,
    pub numerator: String,
    pub denominator: Option<String>,
    /// Of what is judged: `×` for ratios.
    pub unit: &'static str,
    pub bound: Bound,
}

/// A goal and what was measured.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub goal: Goal,
    /// Over the rounds; a ratio is taken within each round.
    pub spread: Spread,
    pub rounds: usize,
}

impl Verdict {
    /// By the median; None where nothing is asked for.
    pub fn met(&self) -> Option<bool> {
        match self.goal.bound {
            Bound::AtMost(bound) => Some(self.spread.median <= bound),
            Bound::AtLeast(bound) => Some(self.spread.median >= bound),
            Bound::Free => None,
        }
    }
}

/// Every goal whose figures are there.
pub fn judge(figures: &Figures) -> Vec<Verdict> {
    all(&figures.setup)
        .into_iter()
        .filter_map(|goal| judge_one(figures, goal))
        .collect()
}

fn judge_one(figures: &Figures, goal: Goal) -> Option<Verdict> {
    let numerator = figures.by_round(&goal.numerator);
    let denominator = goal.denominator.as_ref().map(|name| figures.by_round(name));
    let value = |(round, value): (usize, f64)| match &denominator {
        None => Some(value),
        Some(series) => series.get(&round).map(|other| value / other),
    };
    let values: Vec<f64> = numerator.into_iter().filter_map(value).collect();
    Some(Verdict {
        spread: Spread::of(values.iter().copied())?,
        rounds: values.len(),
        goal,
    })
}

fn all(setup: &Setup) -> Vec<Goal> {
    let mut goals = copy();
    goals.extend(writers());
    goals.extend(statements(setup));
    goals.extend(latency());
    goals.extend(pauses(setup));
    goals.extend(catch_up_and_verify());
    goals.extend(scale(setup));
    goals.extend(catalog(setup));
    goals
}

fn ratio(what: impl Into<String>, numerator: &str, denominator: &str, bound: Bound) -> Goal {
    Goal {
        what: what.into(),
        numerator: numerator.to_owned(),
        denominator: Some(denominator.to_owned()),
        unit: "×",
        bound,
    }
}

fn absolute(what: impl Into<String>, series: String, unit: &'static str, bound: Bound) -> Goal {
    Goal {
        what: what.into(),
        numerator: series,
        denominator: None,
        unit,
        bound,
    }
}

fn copy() -> Vec<Goal> {
    let (one, two) = ("copy: pgcleave --jobs 1", "copy: pgcleave --jobs 2");
    let with_writers = |name: &str| format!("{name}, with writers");
    let limit = "copy: limit of one session";
    let faster = |than: &str, series: &str| {
        let what = format!("{than}, against copy and indexes with `--jobs 2`");
        ratio(what, series, two, Bound::AtLeast(3.0))
    };
    vec![
        ratio(
            "copy and indexes, quiet, `--jobs 1`, against the limit of one session",
            one,
            limit,
            Bound::AtMost(1.25),
        ),
        faster(
            "one INSERT … SELECT into the indexed copy",
            "copy: one INSERT … SELECT",
        ),
        faster(
            "keyset procedure, 10,000 rows a transaction",
            "copy: keyset procedure",
        ),
        faster("pgslice `fill`, as SQL of ours", "copy: pgslice fill (our SQL)"),
        faster("pgslice `fill` itself", "copy: pgslice fill (itself)"),
        ratio(
            "with 4 writers at a fixed rate, against quiet, `--jobs 1`",
            &with_writers(one),
            one,
            Bound::AtMost(1.3),
        ),
        ratio(
            "with 4 writers at a fixed rate, against quiet, `--jobs 2`",
            &with_writers(two),
            two,
            Bound::AtMost(1.3),
        ),
        ratio(
            "WAL of copy and indexes, `--jobs 1`, against the limit's",
            &format!("{one}: WAL"),
            &format!("{limit}: WAL"),
            Bound::AtMost(1.1),
        ),
        absolute(
            "pgcleave's memory, `--jobs 2`",
            format!("{two}: peak memory"),
            "MiB",
            Bound::AtMost(64.0),
        ),
    ]
}

fn writers() -> Vec<Goal> {
    let against_none = |phase: &str, bound| {
        let what = format!("writers' commits in phase {phase}, against no conversion");
        let (with, without) = (
            format!("writers: {phase}"),
            format!("writers: none, before {phase}"),
        );
        ratio(what, &with, &without, Bound::AtLeast(bound))
    };
    let keyed = "C, with the partition key in WHERE";
    vec![
        against_none("A", 0.65),
        ratio(
            "writers' commits in phase A, against phase B",
            "writers: A",
            "writers: B",
            Bound::AtLeast(1.5),
        ),
        against_none("B", 0.40),
        against_none("C", 0.40),
        ratio(
            format!("writers' commits in phase {keyed}, against no conversion"),
            &format!("writers: {keyed}"),
            "writers: none, before C",
            Bound::Free,
        ),
    ]
}

fn statements(setup: &Setup) -> Vec<Goal> {
    let (mut goals, rows) = (Vec::new(), grouped(setup.statement_rows()));
    for (phase, bound) in [("A", Bound::AtMost(2.0)), ("B", Bound::Free), ("C", Bound::Free)] {
        for kind in ["INSERT", "UPDATE", "DELETE"] {
            let (with, without) = (
                format!("statements: {kind}, {phase}"),
                format!("statements: {kind}, none, beside {phase}"),
            );
            let what = format!("{kind} of {rows} rows in phase {phase}, against no conversion");
            goals.push(ratio(what, &with, &without, bound));
        }
    }
    goals
}

fn latency() -> Vec<Goal> {
    let during = |percentile: &str, words: &str, bound| {
        let (with, without) = (
            format!("latency: copy and indexes, {percentile}"),
            format!("latency: none, {percentile}"),
        );
        let what = format!("{words} of writers' latency during copy and indexes, against no conversion");
        ratio(what, &with, &without, bound)
    };
    vec![
        during("p99", "p99", Bound::AtMost(1.5)),
        during(
            "p99 since due",
            "p99, counted from when a write was due,",
            Bound::Free,
        ),
        during("p50", "median", Bound::Free),
    ]
}

fn pauses(setup: &Setup) -> Vec<Goal> {
    let quiet = "pauses: quiet: longest write".to_owned();
    let mut goals = vec![absolute(
        "longest write in a quiet minute",
        quiet,
        "ms",
        Bound::Free,
    )];
    let shapes = setup.pause_shapes();
    for act in ["switch", "cutover"] {
        let series = |rows: i64, partitions: u32, kind: &str| {
            let shape = Shape {
                columns: Columns::Narrow,
                rows,
                partitions,
            };
            format!("pauses: {act}, {}: longest {kind}", shape.text())
        };
        for &(rows, partitions) in &shapes {
            for kind in ["gap", "write"] {
                let what = format!(
                    "longest {kind} at the {act}, {} rows, {partitions} partitions",
                    grouped(rows)
                );
                goals.push(absolute(
                    what,
                    series(rows, partitions, kind),
                    "ms",
                    Bound::AtMost(100.0),
                ));
            }
        }
        for partitions in [24, 500] {
            let (great, small) = (
                series(10_000_000, partitions, "write"),
                series(1_000_000, partitions, "write"),
            );
            let what = format!("longest write at the {act}, 10 M rows against 1 M, {partitions} partitions");
            goals.push(ratio(what, &great, &small, Bound::Free));
        }
    }
    goals
}

fn catch_up_and_verify() -> Vec<Goal> {
    let made = "catch_up: unthrottled writers";
    vec![
        ratio(
            "catch-up, writers stopped, against the rate at which 4 unthrottled writers change rows",
            "catch_up: writers stopped",
            made,
            Bound::AtLeast(3.0),
        ),
        ratio(
            "catch-up, with writers at a fixed rate, against the same",
            "catch_up: with writers",
            made,
            Bound::AtLeast(3.0),
        ),
        ratio(
            "verification by checksums, `--jobs 2`, against two bare scans at once",
            "verify: pgcleave --jobs 2",
            "verify: two scans at once",
            Bound::AtMost(1.5),
        ),
        ratio(
            "verification by checksums, `--jobs 2`, against two scans at once that hash each row",
            "verify: pgcleave --jobs 2",
            "verify: two scans at once, with a hash",
            Bound::Free,
        ),
        ratio(
            "verification by checksums, `--jobs 1`, against two bare scans in one session",
            "verify: pgcleave --jobs 1",
            "verify: two scans in one session",
            Bound::Free,
        ),
    ]
}

fn scale(setup: &Setup) -> Vec<Goal> {
    let (small, great) = (grouped(setup.small_scale_rows()), grouped(setup.scale_rows));
    let series = |rows: &str| format!("scale: {rows} rows");
    vec![
        ratio(
            format!("time per row, {great} rows against {small}, `--jobs 1`"),
            &series(&great),
            &series(&small),
            Bound::AtMost(1.15),
        ),
        absolute(
            format!("pgcleave's memory, {great} rows"),
            series(&great) + ": peak memory",
            "MiB",
            Bound::AtMost(64.0),
        ),
    ]
}

fn catalog(setup: &Setup) -> Vec<Goal> {
    let size = setup.catalog_size();
    let cutover = format!("catalog: cutover with {size} partitions");
    let memory =
        |what: String, name: &str| absolute(what, format!("{name}: peak memory"), "MiB", Bound::AtMost(64.0));
    let generate = format!("catalog: generate {size} partitions");
    vec![
        absolute(
            format!("`inspect` in a database of {size} tables"),
            format!("catalog: inspect among {size} tables"),
            "s",
            Bound::AtMost(1.0),
        ),
        absolute(
            format!("`generate` of {size} partitions"),
            generate.clone(),
            "s",
            Bound::AtMost(1.0),
        ),
        memory(
            format!("pgcleave's memory, `generate` of {size} partitions"),
            &generate,
        ),
        absolute(
            format!("longest gap at the cutover, {size} partitions"),
            format!("{cutover}: longest gap"),
            "ms",
            Bound::Free,
        ),
        absolute(
            format!("longest write at the cutover, {size} partitions"),
            format!("{cutover}: longest write"),
            "ms",
            Bound::Free,
        ),
        memory(
            format!("pgcleave's memory, cutover with {size} partitions"),
            &cutover,
        ),
    ]
}
