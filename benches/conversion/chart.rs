//! The chart of docs/PERFORMANCE.md: seconds for copy and all indexes, by way.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::figures::{Figures, Spread, short};

const WIDTH: u32 = 860;
const ROW: u32 = 34;
const TOP: u32 = 56;
const BOTTOM: u32 = 44;
/// Where bars begin: to the left are the names.
const LEFT: i32 = 290;
const RIGHT: i32 = 70;

const OURS: RGBColor = RGBColor(38, 111, 181);
const OTHERS: RGBColor = RGBColor(150, 156, 163);

/// Name, unit of seconds, spread; in the order of the figures.
fn bars(figures: &Figures) -> Vec<(&str, Spread)> {
    let names = figures.names().into_iter();
    let seconds = names
        .filter(|(name, unit)| *unit == "s" && name.starts_with("copy: ") && !name.ends_with("rows alone"));
    let mut bars: Vec<_> = seconds
        .filter_map(|(name, _)| Some((name.trim_start_matches("copy: "), figures.spread(name)?)))
        .collect();
    bars.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    bars
}

pub fn has_bars(figures: &Figures) -> bool {
    !bars(figures).is_empty()
}

/// Bars by the median, with a line from the smallest to the greatest.
///
/// # Errors
/// When the file can't be written.
pub fn draw(figures: &Figures, path: &Path) -> Result<()> {
    let bars = bars(figures);
    let height = TOP + BOTTOM + ROW * u32::try_from(bars.len())?;
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let (longest, setup) = (
        bars.iter().map(|(_, spread)| spread.max).fold(0.0, f64::max),
        &figures.setup,
    );
    let scale = f64::from(WIDTH as i32 - LEFT - RIGHT) / longest;
    let place = |seconds: f64| LEFT + (seconds * scale).round() as i32;
    let title = format!(
        "Seconds for copy and all indexes, {} rows",
        crate::subject::grouped(setup.rows)
    );
    area.draw(&Text::new(title, (16, 18), ("sans-serif", 20).into_font()))?;
    for (at, (name, spread)) in bars.iter().enumerate() {
        let top = (TOP + ROW * u32::try_from(at)?) as i32;
        draw_bar(&area, name, spread, top, &place)?;
    }
    let rounds = match setup.rounds {
        1 => "one round".to_owned(),
        rounds => format!("median of {rounds} rounds, with a line from the smallest to the greatest"),
    };
    let foot = format!(
        "{rounds}; PostgreSQL {}, {}, {}",
        setup.postgresql, setup.machine, setup.day
    );
    area.draw(&Text::new(
        foot,
        (16, height as i32 - 26),
        ("sans-serif", 13).into_font(),
    ))?;
    area.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_bar(area: &Area, name: &str, spread: &Spread, top: i32, place: &impl Fn(f64) -> i32) -> Result<()> {
    let (bottom, middle) = (top + ROW as i32 - 12, top + (ROW as i32 - 12) / 2);
    let color = if name.starts_with("pgcleave") {
        OURS
    } else {
        OTHERS
    };
    area.draw(&Rectangle::new(
        [(LEFT, top), (place(spread.median), bottom)],
        color.filled(),
    ))?;
    for (from, to) in [
        ((place(spread.min), middle), (place(spread.max), middle)),
        ((place(spread.min), middle - 4), (place(spread.min), middle + 4)),
        ((place(spread.max), middle - 4), (place(spread.max), middle + 4)),
    ] {
        area.draw(&PathElement::new([from, to], BLACK.stroke_width(1)))?;
    }
    let style = |side| {
        ("sans-serif", 15)
            .into_font()
            .color(&BLACK)
            .pos(Pos::new(side, VPos::Center))
    };
    area.draw(&Text::new(
        name.to_owned(),
        (LEFT - 10, middle),
        style(HPos::Right),
    ))?;
    let value = short(spread.median);
    area.draw(&Text::new(
        value,
        (place(spread.max) + 8, middle),
        style(HPos::Left),
    ))?;
    Ok(())
}
