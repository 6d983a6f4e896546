//! Flags that say how the table is to be partitioned, over what stands in the spec already.

use chrono_tz::Tz;
use clap::Args;

use crate::model::Interval;
use crate::spec::{
    Allowance, IncomingChoice, NullKeys, PartitionKey, Strategy, SubSpec, TableSpec, UniqueChoice,
};

/// What isn't given stays as the spec has it.
#[derive(Debug, Args)]
pub struct PartitioningArgs {
    /// Partition key: a column, or several (a,b).
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<PartitionKey>,
    #[arg(long)]
    pub strategy: Option<Strategy>,
    /// RANGE: hourly, daily, weekly, monthly, quarterly or yearly; for whole numbers a step such as 1000000.
    #[arg(long, value_name = "INTERVAL")]
    pub interval: Option<Interval>,
    /// HASH: how many partitions.
    #[arg(long, value_name = "N")]
    pub partitions: Option<u32>,
    /// RANGE: intervals ahead of today, or of the greatest number, that get a partition (12).
    #[arg(long, value_name = "N")]
    pub premake: Option<u32>,
    /// Zone in which an interval begins at midnight (UTC).
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<Tz>,
    /// Key by which each partition is partitioned again.
    #[arg(long, value_name = "COLUMN", help_heading = "Partitions of partitions")]
    pub sub_key: Option<PartitionKey>,
    #[arg(long, value_name = "STRATEGY", help_heading = "Partitions of partitions")]
    pub sub_strategy: Option<Strategy>,
    #[arg(long, value_name = "INTERVAL", help_heading = "Partitions of partitions")]
    pub sub_interval: Option<Interval>,
    #[arg(long, value_name = "N", help_heading = "Partitions of partitions")]
    pub sub_partitions: Option<u32>,
    /// Where rows go whose key is NULL: nowhere, such a key is refused, or to the default partition.
    #[arg(long, value_name = "WHERE")]
    pub null_keys: Option<NullKeys>,
    /// What is refused unless it is allowed: many_partitions; may be given several times.
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<Allowance>,
    /// What becomes of unique keys that lack the partition key: extend, drop or guard; may be given several times.
    #[arg(long, value_name = "NAME=CHOICE", value_parser = crate::spec::parse_choice::<UniqueChoice>)]
    pub unique: Vec<(String, UniqueChoice)>,
    /// What becomes of foreign keys that point at the table: guard, extend, trigger or drop; may be given several times.
    #[arg(long, value_name = "NAME=CHOICE", value_parser = crate::spec::parse_choice::<IncomingChoice>)]
    pub incoming: Vec<(String, IncomingChoice)>,
}

impl PartitioningArgs {
    /// The entry with what the flags say; `None` where neither knows the key.
    pub fn over(&self, entry: Option<TableSpec>, name: String) -> Option<TableSpec> {
        let key = self
            .key
            .clone()
            .or_else(|| entry.as_ref().map(|spec| spec.key.clone()))?;
        let mut spec = entry.unwrap_or_else(|| TableSpec::new(name.as_str(), key.clone()));
        spec.name = name;
        // Another key or strategy: what was said of the old one's partitions means nothing any more.
        let strategy = self.strategy.unwrap_or(spec.strategy);
        if spec.key != key || spec.strategy != strategy {
            (spec.interval, spec.partitions) = (None, None);
            (spec.bounds, spec.lists) = Default::default();
        }
        // Nor does what was decided about keys that lacked the old one.
        if spec.key != key {
            (spec.unique, spec.incoming) = Default::default();
        }
        (spec.key, spec.strategy) = (key, strategy);
        if self.interval.is_some() {
            (spec.interval, spec.bounds) = (self.interval, Vec::new());
        }
        spec.partitions = self.partitions.or(spec.partitions);
        spec.premake = self.premake.unwrap_or(spec.premake);
        spec.time_zone = self.time_zone.unwrap_or(spec.time_zone);
        spec.sub = self.sub_over(spec.sub.take());
        spec.null_keys = self.null_keys.unwrap_or(spec.null_keys);
        for allowance in &self.allow {
            if !spec.allow.contains(allowance) {
                spec.allow.push(*allowance);
            }
        }
        spec.unique.extend(self.unique.iter().cloned());
        spec.incoming.extend(self.incoming.iter().cloned());
        Some(spec)
    }

    fn sub_over(&self, entry: Option<SubSpec>) -> Option<SubSpec> {
        let key = self
            .sub_key
            .clone()
            .or_else(|| entry.as_ref().map(|sub| sub.key.clone()))?;
        let strategy = self
            .sub_strategy
            .or_else(|| entry.as_ref().map(|sub| sub.strategy))
            .unwrap_or_default();
        let same = entry.filter(|sub| sub.key == key && sub.strategy == strategy);
        let mut sub = same.unwrap_or_else(|| SubSpec {
            key,
            strategy,
            interval: None,
            bounds: Vec::new(),
            partitions: None,
            lists: Default::default(),
        });
        if self.sub_interval.is_some() {
            (sub.interval, sub.bounds) = (self.sub_interval, Vec::new());
        }
        sub.partitions = self.sub_partitions.or(sub.partitions);
        Some(sub)
    }
}
