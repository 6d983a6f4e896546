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

/// What the rows that are read are told apart by.
pub(super) enum Group<'a> {
    /// An expression that numbers them.
    By(&'a str),
    /// By nothing: they all belong to this one, which takes an eighth less time.
    Is(usize),
}

/// Sums of the rows of `relation` (alias `t`) per group.
pub(super) fn read(
    client: &mut Client,
    subject: &Subject,
    relation: &str,
    group: &Group<'_>,
    condition: &str,
) -> Result<Vec<(usize, Sums)>, postgres::Error> {
    let (number, numbered) = match group {
        Group::By(expression) => ("r.g".to_owned(), format!("{expression} AS g, ")),
        Group::Is(number) => (number.to_string(), String::new()),
    };
    // OFFSET 0 keeps the planner from making the row's form once for each hash, and from parallel workers: as many
    // processes read as the user has asked for. Before PostgreSQL 18, bytea has no hash function to be called, but a
    // row of one bytea has. A sum of bigints is a numeric, so that it can't overflow. Never the hashes of the
    // columns one by one: rows that exchange a value would have the same sum, and a bigint's is one of 32 bits.
    let sql = format!(
        "SELECT {number}::bigint, count(*), sum(pg_catalog.hash_record_extended(ROW(r.row), 0))::text,
                sum(pg_catalog.hash_record_extended(ROW(r.row), 1))::text
           FROM (SELECT {numbered}{} AS row FROM {relation} t WHERE {condition} OFFSET 0) r GROUP BY 1",
        subject.hashed_row
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
