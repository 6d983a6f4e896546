//! Everything that planning needs, by what flags say.

use indicatif::HumanBytes;
use postgres::Client;

use super::{Failure, PartitioningArgs};
use crate::facts;
use crate::model::{Measures, RelationKind};
use crate::plan::Problem;
use crate::spec::TableSpec;
use crate::sql::QualifiedName;

pub use crate::facts::Loaded;

/// Reads the table; by the likeliest candidate where nothing is said of its partitioning.
pub fn load(
    client: &mut Client,
    name: &QualifiedName,
    spec: Option<&TableSpec>,
    args: &PartitioningArgs,
) -> Result<Loaded, Failure> {
    let mut loaded = match spec {
        Some(spec) => facts::load(client, name, spec)?,
        None => {
            let zone = args.time_zone.unwrap_or(chrono_tz::UTC);
            facts::load_by_likeliest_key(client, name, zone)?
        }
    };
    if loaded.facts.table.kind == RelationKind::Table {
        loaded.live_problems.push(room_for_the_copy(&loaded.measures));
    }
    Ok(loaded)
}

/// Free space can't be seen from SQL.
fn room_for_the_copy(measures: &Measures) -> Problem {
    let bytes = measures.table_bytes + measures.index_bytes;
    Problem::note(
        format!(
            "the copy needs about as much room as the table with its indexes: {}, and its WAL as much again",
            HumanBytes(bytes.unsigned_abs())
        ),
        "make sure that the server's disks, its replicas' and the WAL archive's have it: how much is free can't be seen from SQL",
    )
}
