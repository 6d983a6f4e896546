//! What partitions don't take from the partitioned table by themselves: they have it all the same.

use crate::fixtures::Fixture;
use crate::versions::on_each_version;

/// Columns of partitions that differ from the partitioned table's, and indexes whose marks or statistics do.
const DIFFERENCES: &str = "
    SELECT concat('column ', p.attrelid::regclass, '.', p.attname, ' ', p.attstorage, p.attcompression, ' ', p.attstattarget, p.attoptions)
      FROM pg_inherits i
           JOIN pg_attribute p ON p.attrelid = i.inhrelid AND p.attnum > 0
           JOIN pg_attribute t ON t.attrelid = i.inhparent AND t.attname = p.attname
     WHERE i.inhparent = 'events'::regclass
       AND (p.attnum, p.attstorage, p.attcompression, p.attstattarget, p.attoptions, p.attnotnull, p.attcollation, p.attgenerated)
           IS DISTINCT FROM (t.attnum, t.attstorage, t.attcompression, t.attstattarget, t.attoptions, t.attnotnull, t.attcollation, t.attgenerated)
    UNION ALL
    SELECT concat('index column ', p.attrelid::regclass, ' ', p.attstattarget)
      FROM pg_index x
           JOIN pg_inherits i ON i.inhparent = x.indexrelid
           JOIN pg_attribute p ON p.attrelid = i.inhrelid
           JOIN pg_attribute t ON t.attrelid = i.inhparent AND t.attnum = p.attnum
     WHERE x.indrelid = 'events'::regclass AND p.attstattarget IS DISTINCT FROM t.attstattarget
    ORDER BY 1";

fn after_cutover(case: &str, look: impl Fn(&Fixture)) {
    on_each_version(|version, _| {
        let fixture = Fixture::load_on(version, case);
        fixture.generate();
        fixture.pgcleave.ok(&["-q", "apply", "events", "--yes"]);
        assert_eq!(fixture.database.lines(DIFFERENCES), Vec::<String>::new());
        look(&fixture);
    });
}

#[test]
fn columns_of_partitions_have_the_table_s_settings() {
    after_cutover("column_properties", |fixture| {
        let options =
            "SELECT count(*)::text FROM pg_attribute WHERE attoptions = '{n_distinct=100}' AND attstattarget = 321
                AND attrelid IN (SELECT relid FROM pg_partition_tree('events'))";
        let relations = fixture
            .database
            .lines("SELECT count(*)::text FROM pg_partition_tree('events')");
        assert_eq!(fixture.database.lines(options), relations);
    });
}

#[test]
fn indexes_of_partitions_have_the_table_s_statistics_targets() {
    after_cutover("index_options", |fixture| {
        let targets = "SELECT DISTINCT attstattarget::text FROM pg_attribute WHERE attstattarget = 700";
        assert_eq!(fixture.database.lines(targets), ["700"]);
    });
}

#[test]
fn partitions_are_marked_as_clustered_on_the_table_s_index() {
    for (case, index) in [("clustered", "by_time"), ("primary_key_extras", "The Key")] {
        after_cutover(case, |fixture| {
            let unmarked = format!(
                "SELECT i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid
                  WHERE i.inhparent = '\"{index}\"'::regclass AND NOT x.indisclustered"
            );
            assert_eq!(fixture.database.lines(&unmarked), Vec::<String>::new());
        });
    }
}
