//! What the bench prints at its end.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::figures::{Figures, Spread, short};
use crate::goals::{self, Bound, Verdict};

pub fn print(figures: &Figures) {
    println!("\n{}", circumstances(figures).join("\n"));
    println!("{}", series(figures));
    let verdicts = goals::judge(figures);
    println!("{}", goal_table(&verdicts));
    let (met, missed) = count(&verdicts);
    println!("{met} goals met, {missed} missed");
    if figures.setup.quick {
        println!("This was --quick: the bench works, but these figures are no figures.");
    }
}

/// What whoever reads the figures must know.
pub fn circumstances(figures: &Figures) -> Vec<String> {
    let setup = &figures.setup;
    let mut lines = vec![
        format!(
            "{}: pgcleave {}, PostgreSQL {}",
            setup.day, setup.pgcleave, setup.postgresql
        ),
        format!(
            "{} rows, {} rounds, on {}",
            crate::subject::grouped(setup.rows),
            setup.rounds,
            setup.machine
        ),
        format!("server: {}, the rest by default", setup.settings.join(", ")),
    ];
    if setup.fixed_rate > 0.0 {
        lines.push(format!(
            "writers at a fixed rate: {} writes a second, four together",
            setup.fixed_rate
        ));
    }
    lines
}

/// The cells of a verdict: goal, bound, median, smallest to greatest, whether it is met.
pub fn cells(verdict: &Verdict) -> [String; 5] {
    let with_unit = |value: f64| match verdict.goal.unit {
        "×" => format!("{} ×", short(value)),
        unit => format!("{} {unit}", short(value)),
    };
    let bound = match verdict.goal.bound {
        Bound::AtMost(bound) => format!("≤ {bound}"),
        Bound::AtLeast(bound) => format!("≥ {bound}"),
        Bound::Free => String::new(),
    };
    let Spread { median, min, max } = verdict.spread;
    let range = match verdict.rounds {
        1 => "one round".to_owned(),
        _ => format!("{}–{}", short(min), short(max)),
    };
    let met = match verdict.met() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    [
        verdict.goal.what.clone(),
        bound,
        with_unit(median),
        range,
        met.to_owned(),
    ]
}

fn goal_table(verdicts: &[Verdict]) -> Table {
    let mut table = new_table(["goal", "bound", "median", "min–max", "met"]);
    table.add_rows(verdicts.iter().map(cells));
    table
}

fn series(figures: &Figures) -> Table {
    let mut table = new_table(["series", "unit", "median", "min", "max"]);
    for (name, unit) in figures.names() {
        if let Some(spread) = figures.spread(name) {
            let [median, min, max] = [spread.median, spread.min, spread.max].map(short);
            table.add_row([name.to_owned(), unit.to_owned(), median, min, max]);
        }
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn new_table(header: [&str; 5]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table
}

fn count(verdicts: &[Verdict]) -> (usize, usize) {
    let with = |wanted| {
        verdicts
            .iter()
            .filter(|verdict| verdict.met() == Some(wanted))
            .count()
    };
    (with(true), with(false))
}
