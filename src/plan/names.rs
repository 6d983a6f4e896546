//! The names of the objects that a conversion makes, each fitted into 63 bytes.

use sha2::{Digest, Sha256};

use crate::sql::{Ident, MAX_IDENT_BYTES, QualifiedName};

/// Names of everything that a conversion makes beside partitions; all in the
/// source table's schema.
#[derive(Debug, Clone)]
pub struct Names {
    pub source: QualifiedName,
    pub copy: QualifiedName,
    pub retired: QualifiedName,
    pub default_partition: QualifiedName,
    pub log: QualifiedName,
    pub truncations: QualifiedName,
    pub state: QualifiedName,
    pub settings: QualifiedName,
    pub segments: QualifiedName,
    pub index_builds: QualifiedName,
    pub moves: QualifiedName,
    pub fingerprint: QualifiedName,
    pub lock: QualifiedName,
    pub check: QualifiedName,
    pub guard: QualifiedName,
    pub log_keys: QualifiedName,
    pub sync: QualifiedName,
    pub sync_truncate: QualifiedName,
    pub reverse: QualifiedName,
    pub reverse_truncate: QualifiedName,
    pub note_moves: QualifiedName,
    pub drain: QualifiedName,
    pub wait: QualifiedName,
    pub mark: QualifiedName,
    pub compare: QualifiedName,
    pub repair: QualifiedName,
    pub copy_batches: QualifiedName,
    pub build_partition_indexes: QualifiedName,
    pub catch_up: QualifiedName,
    pub add_foreign_keys: QualifiedName,
    pub move_incoming: QualifiedName,
    /// What pg_cron calls.
    pub work: QualifiedName,
}

impl Names {
    /// Derives every name from the source table's.
    pub fn of(source: &QualifiedName) -> Self {
        let ours = |suffix: &str| derived(source, &format!("_pgcleave_{suffix}"));
        Self {
            source: source.clone(),
            copy: ours("copy"),
            retired: ours("retired"),
            default_partition: derived(source, "_default"),
            log: ours("log"),
            truncations: ours("truncations"),
            state: ours("state"),
            settings: ours("settings"),
            segments: ours("segments"),
            index_builds: ours("index_builds"),
            moves: ours("moves"),
            fingerprint: ours("fingerprint"),
            lock: ours("lock"),
            check: ours("check"),
            guard: ours("guard"),
            log_keys: ours("log_keys"),
            sync: ours("sync"),
            sync_truncate: ours("sync_truncate"),
            reverse: ours("reverse"),
            reverse_truncate: ours("reverse_truncate"),
            note_moves: ours("note_moves"),
            drain: ours("drain"),
            wait: ours("wait"),
            mark: ours("mark"),
            compare: ours("compare"),
            repair: ours("repair"),
            copy_batches: ours("copy_batches"),
            build_partition_indexes: ours("build_partition_indexes"),
            catch_up: ours("catch_up"),
            add_foreign_keys: ours("add_foreign_keys"),
            move_incoming: ours("move_incoming"),
            work: ours("work"),
        }
    }

    /// Relations that the conversion creates, partitions apart.
    pub fn relations(&self) -> [&QualifiedName; 9] {
        [
            &self.copy,
            &self.retired,
            &self.log,
            &self.truncations,
            &self.state,
            &self.settings,
            &self.segments,
            &self.index_builds,
            &self.moves,
        ]
    }

    /// Functions and procedures that it creates.
    pub fn functions(&self) -> [&QualifiedName; 21] {
        [
            &self.fingerprint,
            &self.lock,
            &self.check,
            &self.guard,
            &self.log_keys,
            &self.sync,
            &self.sync_truncate,
            &self.reverse,
            &self.reverse_truncate,
            &self.note_moves,
            &self.drain,
            &self.wait,
            &self.mark,
            &self.compare,
            &self.repair,
            &self.copy_batches,
            &self.build_partition_indexes,
            &self.catch_up,
            &self.add_foreign_keys,
            &self.move_incoming,
            &self.work,
        ]
    }
}

/// A name in the same schema: the base, then the suffix.
///
/// What doesn't fit is cut from the base and replaced by eight hex digits of its
/// hash, so that two long names that begin alike stay apart.
pub fn derived(base: &QualifiedName, suffix: &str) -> QualifiedName {
    let fitted = fitted(base.name.as_str(), suffix);
    // Neither empty nor with a NUL, as the base is neither, and cut to length above.
    base.sibling(Ident::new(fitted).unwrap_or_else(|_| base.name.clone()))
}

/// What pg_cron's job is called; pg_cron 1.4 keeps as much of it as of an identifier.
pub(super) fn job_name(source: &QualifiedName) -> String {
    fitted(&format!("pgcleave {}", source.typed()), "")
}

fn fitted(name: &str, suffix: &str) -> String {
    if name.len() + suffix.len() <= MAX_IDENT_BYTES {
        return format!("{name}{suffix}");
    }
    let hash = format!("_{}", &hex(&Sha256::digest(name.as_bytes()))[..8]);
    let mut room = MAX_IDENT_BYTES - suffix.len() - hash.len();
    while !name.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}{hash}{suffix}", &name[..room])
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> QualifiedName {
        QualifiedName::new(Ident::new("public").unwrap(), Ident::new(name).unwrap())
    }

    #[test]
    fn keeps_short_names_readable() {
        assert_eq!(
            derived(&table("events"), "_p2024_01").name.as_str(),
            "events_p2024_01"
        );
    }

    #[test]
    fn fits_long_unicode_names_and_keeps_them_apart() {
        let one = derived(&table(&"ü".repeat(31)), "_pgcleave_reverse_truncate").name;
        let other = derived(
            &table(&format!("{}x", "ü".repeat(31))),
            "_pgcleave_reverse_truncate",
        )
        .name;
        assert!(one.as_str().len() <= MAX_IDENT_BYTES && other.as_str().len() <= MAX_IDENT_BYTES);
        assert_ne!(one, other);
    }

    #[test]
    fn fits_the_name_of_a_job_as_well() {
        assert_eq!(job_name(&table("events")), "pgcleave public.events");
        let (one, other) = ("ü".repeat(31), format!("{}x", "ü".repeat(31)));
        assert!(job_name(&table(&one)).len() <= MAX_IDENT_BYTES);
        assert_ne!(job_name(&table(&one)), job_name(&table(&other)));
    }
}
