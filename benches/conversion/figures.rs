//! What was measured: named series of values, a value or more a round.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::setup::Setup;

/// One measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// `part: what`, by which goals find it.
    pub name: String,
    pub unit: String,
    pub round: usize,
    pub value: f64,
}

/// Everything of one run; what the JSON holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figures {
    pub setup: Setup,
    figures: Vec<Figure>,
}

/// Median, smallest and greatest of a series' rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// None where there is no value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: median(&values)?,
            min: *values.first()?,
            max: *values.last()?,
        })
    }
}

impl Figures {
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            figures: Vec::new(),
        }
    }

    /// Notes a value and says so.
    pub fn push(&mut self, round: usize, name: impl Into<String>, unit: &str, value: f64) {
        let name = name.into();
        println!("round {round}  {name}: {} {unit}", short(value));
        self.figures.push(Figure {
            name,
            unit: unit.to_owned(),
            round,
            value,
        });
    }

    pub fn any(&self) -> bool {
        !self.figures.is_empty()
    }

    /// Names with their units, in the order in which they were first measured.
    pub fn names(&self) -> Vec<(&str, &str)> {
        let mut names: Vec<(&str, &str)> = Vec::new();
        for figure in &self.figures {
            let pair = (figure.name.as_str(), figure.unit.as_str());
            if !names.contains(&pair) {
                names.push(pair);
            }
        }
        names
    }

    /// The median of each round.
    pub fn by_round(&self, name: &str) -> BTreeMap<usize, f64> {
        let mut rounds: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for figure in self.figures.iter().filter(|figure| figure.name == name) {
            rounds.entry(figure.round).or_default().push(figure.value);
        }
        let medians = rounds.into_iter().filter_map(|(round, mut values)| {
            values.sort_by(f64::total_cmp);
            Some((round, median(&values)?))
        });
        medians.collect()
    }

    /// Over the rounds.
    pub fn spread(&self, name: &str) -> Option<Spread> {
        Spread::of(self.by_round(name).into_values())
    }

    /// # Errors
    /// When the file or its folder can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let why = || format!("can't write {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(why)?;
        }
        fs::write(path, serde_json::to_string_pretty(self)? + "\n").with_context(why)
    }

    /// # Errors
    /// When the file can't be read or isn't one of ours.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} isn't a bench's JSON", path.display()))
    }
}

/// Of sorted values.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[middle - 1], upper))
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
