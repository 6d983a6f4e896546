//! Sums that don't depend on the order of rows.

use postgres::Client;

use super::Subject;

/// Rows and the sums of their two hashes. Sums, not XOR, in which equal pairs cancel out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub rows: u64,
    /// Each fits: 2^63 by at most 2^64 rows.
    hashes: [i128; 2],
}

impl Sums {
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.hashes[0] += other.hashes[0];
        self.hashes[1] += other.hashes[1];
    }

    pub fn texts(&self) -> [String; 2] {
        self.hashes.map(|hash| hash.to_string())
    }
}

/// The text of a whole row, from which everything is hashed: equal values of other bytes (1.0, 1.00) differ in it.
pub(super) fn row_text(subject: &Subject) -> String {
    format!("ROW({})::text", subject.columns.of("t").0)
}

/// The rows of a part: where it is a range of the key, for the planner's indexes and pruning.
pub(super) fn is_in(subject: &Subject, part: usize) -> String {
    let Some(bounds) = &subject.bounds else {
        return format!("{} = {part}", subject.part);
    };
    let key = format!("t.{}", subject.key);
    let lower = part.checked_sub(1).map(|i| format!("{key} >= {}", bounds[i]));
    let upper = bounds.get(part).map(|bound| format!("{key} < {bound}"));
    let terms: Vec<String> = lower.into_iter().chain(upper).collect();
    if terms.is_empty() {
        return "true".to_owned();
    }
    terms.join(" AND ")
}

/// Sums of the rows of `relation` (alias `t`) per group.
pub(super) fn read(
    client: &mut Client,
    subject: &Subject,
    relation: &str,
    group: &str,
    condition: &str,
) -> Result<Vec<(usize, Sums)>, postgres::Error> {
    // OFFSET 0 keeps the planner from making the row's text once for each hash.
    let sql = format!(
        "SELECT r.g::bigint, count(*), sum(pg_catalog.hashtextextended(r.row, 0)::numeric)::text,
                sum(pg_catalog.hashtextextended(r.row, 1)::numeric)::text
           FROM (SELECT {group} AS g, {} AS row FROM {relation} t WHERE {condition} OFFSET 0) r GROUP BY 1",
        row_text(subject)
    );
    let rows = client.query(&sql, &[])?;
    let hash = |text: &str| text.parse().unwrap_or_default();
    Ok(rows
        .iter()
        .map(|row| {
            let sums = Sums {
                rows: row.get::<_, i64>(1).unsigned_abs(),
                hashes: [hash(row.get(2)), hash(row.get(3))],
            };
            (usize::try_from(row.get::<_, i64>(0)).unwrap_or_default(), sums)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_order_and_pairs_do_not_cancel_out() {
        let one = Sums {
            rows: 1,
            hashes: [i128::from(i64::MAX), -5],
        };
        let other = Sums {
            rows: 1,
            hashes: [7, 3],
        };
        let (mut forth, mut back) = (one, other);
        forth.add(&other);
        back.add(&one);
        assert_eq!(forth, back);
        let mut twice = one;
        twice.add(&one);
        assert_ne!(twice.hashes, [0, 0]);
    }
}
