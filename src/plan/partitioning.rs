//! The partitions that a table gets, level by level, and how a row's part is told from its key.
//!
//! Long because it is one thing: a strategy says both what its partitions are and which part a row is in.

use sha2::{Digest, Sha256};

use super::bounds::{self, BoundsError, Frame, KeyType, MAX_ALLOWED_PARTITIONS, MAX_PARTITIONS};
use super::facts::Facts;
use super::names::{Names, derived, hex};
use crate::model::{Column, KeyRange};
use crate::spec::{Allowance, Level, NullKeys, SpecValue, Strategy, TableSpec};
use crate::sql::{Fragment, Ident, Literal, Number, QualifiedName, ServerSql};

/// How the table is partitioned.
#[derive(Debug, Clone)]
pub struct Partitioning {
    /// `RANGE ("at")`
    pub partition_by: Fragment,
    /// In the order in which they can be made: each behind the one that it is a partition of.
    pub partitions: Vec<PlannedPartition>,
    pub parts: Parts,
    /// Whether the key's last value lies beyond the last partition.
    pub is_exceeded: bool,
}

/// A partition to create.
#[derive(Debug, Clone)]
pub struct PlannedPartition {
    pub name: QualifiedName,
    /// What it is a partition of.
    pub parent: QualifiedName,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: Fragment,
    /// `LIST ("region")` where it is partitioned again.
    pub partition_by: Option<Fragment>,
}

/// The table in parts that both sides tell from a row's key alone: with RANGE and LIST the partitions, with
/// HASH as many parts by another hash.
#[derive(Debug, Clone)]
pub struct Parts {
    pub names: Vec<String>,
    /// The position in `names` of a row of the alias `t`.
    pub number: Fragment,
    /// Where the parts are ranges of one column: the bounds between them.
    pub bounds: Option<Vec<Literal>>,
}

/// Why there is no such partitioning.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PartitioningError {
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    #[error("two partitions would be named {0}")]
    SameName(String),
    /// Said in more words by the problems.
    #[error("the partition key can't be used as asked")]
    Key,
}

/// Lays out all partitions.
///
/// # Errors
/// When there would be too many, two of one name, or a key doesn't fit its strategy.
pub fn partitioning(facts: &Facts, spec: &TableSpec) -> Result<Partitioning, PartitioningError> {
    let names = Names::of(&facts.table.name);
    let (top, below) = (spec.level(), spec.sub.as_ref().map(|sub| sub.level()));
    let (pieces, is_exceeded) = pieces(&top, &facts.key_range, facts, spec)?;
    let sub = match &below {
        Some(level) => Some(SubLevel {
            partition_by: partition_by(level, facts)?,
            pieces: self::pieces(level, &facts.sub_key_range, facts, spec)?.0,
            has_default: has_default(level, spec),
        }),
        None => None,
    };
    let mut partitions = Vec::new();
    for piece in &pieces {
        let name = derived(&names.source, &format!("_{}", piece.suffix));
        partitions.push(PlannedPartition {
            name: name.clone(),
            parent: names.copy.clone(),
            bound: piece.bound.clone(),
            partition_by: sub.as_ref().map(|sub| sub.partition_by.clone()),
        });
        if let Some(sub) = &sub {
            partitions.extend(sub.partitions_of(&name, &names.source, &piece.suffix));
        }
        check_count(partitions.len(), spec)?;
    }
    if has_default(&top, spec) {
        partitions.push(default_partition(names.default_partition.clone(), &names.copy));
    }
    if let Some(name) = twice(&partitions) {
        return Err(PartitioningError::SameName(name));
    }
    Ok(Partitioning {
        partition_by: partition_by(&top, facts)?,
        parts: parts(&top, &pieces, &names, facts)?,
        partitions,
        is_exceeded,
    })
}

/// Whether rows that fit nowhere else have a place.
pub fn has_default(level: &Level, spec: &TableSpec) -> bool {
    match level.strategy {
        Strategy::Range => level.bounds.is_empty() || spec.null_keys == NullKeys::Default,
        Strategy::List => true,
        Strategy::Hash => false,
    }
}

/// How each partition is partitioned again.
struct SubLevel {
    partition_by: Fragment,
    pieces: Vec<Piece>,
    has_default: bool,
}

impl SubLevel {
    fn partitions_of(
        &self,
        parent: &QualifiedName,
        source: &QualifiedName,
        suffix: &str,
    ) -> Vec<PlannedPartition> {
        let named = |piece: &Piece| PlannedPartition {
            name: derived(source, &format!("_{suffix}_{}", piece.suffix)),
            parent: parent.clone(),
            bound: piece.bound.clone(),
            partition_by: None,
        };
        let default = derived(source, &format!("_{suffix}_default"));
        let default = self.has_default.then(|| default_partition(default, parent));
        self.pieces.iter().map(named).chain(default).collect()
    }
}

fn default_partition(name: QualifiedName, parent: &QualifiedName) -> PlannedPartition {
    PlannedPartition {
        name,
        parent: parent.clone(),
        bound: Fragment::new("DEFAULT", &[]),
        partition_by: None,
    }
}

/// A partition of one level, wherever it stands.
struct Piece {
    suffix: String,
    bound: Fragment,
    content: Content,
}

enum Content {
    Range {
        lower: Option<Literal>,
        upper: Option<Literal>,
    },
    List(Vec<String>),
    Hash,
}

fn check_count(count: usize, spec: &TableSpec) -> Result<(), BoundsError> {
    if count > limit(spec) {
        return Err(BoundsError::TooMany(count));
    }
    Ok(())
}

fn limit(spec: &TableSpec) -> usize {
    match spec.allow.contains(&Allowance::ManyPartitions) {
        true => MAX_ALLOWED_PARTITIONS,
        false => MAX_PARTITIONS,
    }
}

/// The level's key columns, in order.
pub(super) fn key_columns<'a>(level: &Level, facts: &'a Facts) -> Option<Vec<&'a Column>> {
    let column = |name: &String| facts.table.columns.iter().find(|c| c.name.as_str() == name);
    level.key.columns().iter().map(column).collect()
}

fn partition_by(level: &Level, facts: &Facts) -> Result<Fragment, PartitioningError> {
    let columns = key_columns(level, facts).ok_or(PartitioningError::Key)?;
    let columns = Fragment::list(columns.iter().map(|c| c.name.clone()));
    let text = match level.strategy {
        Strategy::Range => "RANGE ({})",
        Strategy::List => "LIST ({})",
        Strategy::Hash => "HASH ({})",
    };
    Ok(Fragment::new(text, &[&columns]))
}

/// The level's partitions but for the default, and whether the key reaches beyond them.
fn pieces(
    level: &Level,
    key_range: &KeyRange,
    facts: &Facts,
    spec: &TableSpec,
) -> Result<(Vec<Piece>, bool), PartitioningError> {
    match level.strategy {
        Strategy::Range => ranges(level, key_range, facts, spec),
        Strategy::List => Ok((lists(level, key_range), false)),
        Strategy::Hash => Ok((hashes(level.partitions.unwrap_or(1)), false)),
    }
}

fn ranges(
    level: &Level,
    key_range: &KeyRange,
    facts: &Facts,
    spec: &TableSpec,
) -> Result<(Vec<Piece>, bool), PartitioningError> {
    let columns = key_columns(level, facts).ok_or(PartitioningError::Key)?;
    let piece = |range: bounds::Range| Piece {
        bound: Fragment::new(
            "FOR VALUES FROM ({}) TO ({})",
            &[
                &range_bound(&range.lower, "MINVALUE", columns.len()),
                &range_bound(&range.upper, "MAXVALUE", columns.len()),
            ],
        ),
        suffix: range.suffix,
        content: Content::Range {
            lower: range.lower,
            upper: range.upper,
        },
    };
    let Some(interval) = level.interval else {
        let explicit = explicit_ranges(level.bounds);
        return Ok((explicit.into_iter().map(piece).collect(), false));
    };
    let key_type = columns
        .first()
        .and_then(|c| KeyType::from_type_name(&c.base_type));
    let key_type = key_type
        .filter(|t| t.takes(interval))
        .ok_or(PartitioningError::Key)?;
    let frame = Frame {
        today: facts.as_of,
        premake: spec.premake,
        zone: spec.time_zone,
        limit: limit(spec),
    };
    let layout = bounds::ranges(key_type, interval, key_range, &frame)?;
    Ok((layout.ranges.into_iter().map(piece).collect(), layout.is_exceeded))
}

/// The bound of the first column, and nothing of the others': all their values belong to the same partition.
fn range_bound(bound: &Option<Literal>, at_the_end: &'static str, columns: usize) -> Fragment {
    let first = match bound {
        Some(bound) => Fragment::new("{}", &[bound]),
        None => Fragment::new(at_the_end, &[]),
    };
    let rest = match bound {
        Some(_) => "MINVALUE",
        None => at_the_end,
    };
    let rest = (1..columns).map(|_| Fragment::new(rest, &[]));
    Fragment::list(std::iter::once(first).chain(rest))
}

/// From MINVALUE to the first bound, between the bounds, from the last to MAXVALUE.
fn explicit_ranges(bounds: &[SpecValue]) -> Vec<bounds::Range> {
    let texts: Vec<String> = bounds.iter().map(SpecValue::text).collect();
    let literal = |text: &String| Literal::new(text.as_str());
    (0..=texts.len())
        .map(|position| bounds::Range {
            suffix: match position.checked_sub(1) {
                None => "p_min".to_owned(),
                Some(before) => format!("p_{}", slug(&texts[before])),
            },
            lower: position.checked_sub(1).map(|before| literal(&texts[before])),
            upper: texts.get(position).map(literal),
        })
        .collect()
}

fn lists(level: &Level, key_range: &KeyRange) -> Vec<Piece> {
    let piece = |suffix: String, values: Vec<String>| Piece {
        suffix,
        bound: Fragment::new(
            "FOR VALUES IN ({})",
            &[&Fragment::list(values.iter().map(Literal::new))],
        ),
        content: Content::List(values),
    };
    if level.lists.is_empty() {
        let values = key_range.values.iter();
        return values
            .map(|value| piece(format!("p_{}", slug(value)), vec![value.clone()]))
            .collect();
    }
    let lists = level.lists.iter();
    lists
        .map(|(name, values)| piece(list_suffix(name), values.iter().map(SpecValue::text).collect()))
        .collect()
}

fn hashes(modulus: u32) -> Vec<Piece> {
    let width = modulus.saturating_sub(1).to_string().len();
    (0..modulus)
        .map(|remainder| Piece {
            suffix: format!("h{remainder:0width$}"),
            bound: Fragment::new(
                "FOR VALUES WITH (MODULUS {}, REMAINDER {})",
                &[&Number(modulus.into()), &Number(remainder.into())],
            ),
            content: Content::Hash,
        })
        .collect()
}

/// The user's own name, where it leaves room for the table's.
fn list_suffix(name: &str) -> String {
    match name.len() <= 24 && !name.is_empty() && !name.contains('\0') {
        true => name.to_owned(),
        false => slug(name),
    }
}

/// A value as the end of a name: short, of plain letters, and with a hash where that isn't the whole value.
fn slug(value: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '_'
        }
    };
    let text: String = value.chars().take(16).map(plain).collect();
    if text == value && !text.is_empty() {
        return text;
    }
    format!("{text}_{}", &hex(&Sha256::digest(value.as_bytes()))[..8])
}

fn twice(partitions: &[PlannedPartition]) -> Option<String> {
    let mut names: Vec<&QualifiedName> = partitions.iter().map(|p| &p.name).collect();
    names.sort();
    let pair = names.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(pair[0].plain())
}

fn parts(level: &Level, pieces: &[Piece], names: &Names, facts: &Facts) -> Result<Parts, PartitioningError> {
    let columns = key_columns(level, facts).ok_or(PartitioningError::Key)?;
    let named = |piece: &Piece| {
        let name = derived(&names.source, &format!("_{}", piece.suffix)).name;
        name.as_str().to_owned()
    };
    let default = names.default_partition.name.as_str();
    match level.strategy {
        Strategy::Hash => Ok(Parts {
            names: (1..=pieces.len())
                .map(|n| format!("part {n} of {} by hash", pieces.len()))
                .collect(),
            number: hash_number(&columns, pieces.len()),
            bounds: None,
        }),
        Strategy::List => Ok(Parts {
            names: pieces.iter().map(named).chain([default.to_owned()]).collect(),
            number: list_number(columns[0], pieces),
            bounds: None,
        }),
        Strategy::Range => {
            let (bounds, is_open_below, is_open_above) = thresholds(pieces);
            let before = (!is_open_below).then(|| format!("{default} (before)"));
            let after = (!is_open_above).then(|| format!("{default} (after)"));
            let mut parts: Vec<String> = before
                .into_iter()
                .chain(pieces.iter().map(named))
                .chain(after)
                .collect();
            let mut number = Fragment::new(
                "pg_catalog.width_bucket(t.{}, ARRAY[{}]::{}[])",
                &[
                    &columns[0].name,
                    &Fragment::list(bounds.iter().cloned()),
                    &base_type(columns[0]),
                ],
            );
            let can_be_null = !columns[0].not_null;
            if can_be_null {
                number = Fragment::new("coalesce({}, {})", &[&number, &Number(parts.len() as i64)]);
                parts.push(format!("{default} (NULL)"));
            }
            Ok(Parts {
                names: parts,
                number,
                bounds: (!can_be_null).then_some(bounds),
            })
        }
    }
}

/// The bounds between parts, and whether the first and the last partition are open to MINVALUE and MAXVALUE.
fn thresholds(pieces: &[Piece]) -> (Vec<Literal>, bool, bool) {
    let ends = |piece: &Piece| match &piece.content {
        Content::Range { lower, upper } => (lower.clone(), upper.clone()),
        Content::List(_) | Content::Hash => (None, None),
    };
    let lowers = pieces.iter().filter_map(|piece| ends(piece).0);
    let last = pieces.last().and_then(|piece| ends(piece).1);
    let is_open_below = pieces.first().is_some_and(|piece| ends(piece).0.is_none());
    (
        lowers.chain(last.clone()).collect(),
        is_open_below,
        last.is_none(),
    )
}

/// The position of the value's list; behind all of them for others, and for NULL.
fn list_number(column: &Column, pieces: &[Piece]) -> Fragment {
    let mut positions = serde_json::Map::new();
    for (position, piece) in pieces.iter().enumerate() {
        if let Content::List(values) = &piece.content {
            positions.extend(values.iter().map(|value| (value.clone(), position.into())));
        }
    }
    // The object is sorted, so that a value is found without trying all of them.
    Fragment::new(
        "coalesce(({}::pg_catalog.jsonb OPERATOR(pg_catalog.->>) t.{}::pg_catalog.text)::pg_catalog.int4, {})",
        &[
            &Literal::new(serde_json::Value::Object(positions).to_string()),
            &column.name,
            &Number(pieces.len() as i64),
        ],
    )
}

fn hash_number(columns: &[&Column], modulus: usize) -> Fragment {
    let columns = columns.iter().map(|c| Fragment::new("t.{}", &[&c.name]));
    Fragment::new(
        "((pg_catalog.hashtextextended(ROW({})::pg_catalog.text, 0) & 9223372036854775807) % {})",
        &[&Fragment::list(columns), &Number(modulus.max(1) as i64)],
    )
}

/// The column's type, a domain's base type, as no `search_path` can change it.
fn base_type(column: &Column) -> Fragment {
    match Ident::new(column.base_type.as_str()) {
        Ok(name) if !column.base_type.contains('.') => Fragment::new("pg_catalog.{}", &[&name]),
        _ => Fragment::new("{}", &[&ServerSql::from_server(column.base_type.as_str())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_plain_and_tells_values_apart() {
        assert_eq!(slug("paid"), "paid");
        let (minus, plus, empty) = (slug("-1"), slug("+1"), slug(""));
        assert!(minus.starts_with("_1_") && plus.starts_with("_1_") && minus != plus);
        assert!(empty.len() == 9, "{empty}");
        assert!(slug(&"x".repeat(5000)).len() < 30);
    }
}
