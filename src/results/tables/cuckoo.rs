//! The hash tables that find rows, over time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::counted;

crate::table! {
    "One row per evaluation and embedding table; only for tables with `tables.hashing.kind = \"cuckoo\"`. \
     With several shards, their hash tables together."
    "cuckoo.csv" #[derive(Default, Serialize, Deserialize)] #[serde(default)] CuckooRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        table: String = "The table.",
        entries: u64 = "Entries: rows that are there.",
        buckets: u64 = "Buckets.",
        load: f64 = "Share of the slots that is occupied.",
        bytes: u64 ["bytes"] = "All slots, 16 bytes each, without weights.",
        finds: u64 = "Times that a pull or a push looked for an id.",
        slots_per_find: Option<f64> = "Slots that a find looked at: the mean since the start of the \
            run, finds of ids that are not there included, which look at both buckets.",
        insertions: u64 = "Entries that were inserted, those of loaded checkpoints included.",
        displaced: u64 = "Entries that insertions moved to their other bucket.",
        longest: u64 = "Most entries that one insertion moved.",
        removals: u64 = "Entries that were removed.",
        growths: u64 = "Times that the number of buckets of a shard's table doubled.",
        moved: u64 = "Entries that were copied to more buckets.",
        aside: u64 = "Entries outside the buckets, because their ids collide too often.",
    }
}

/// One line for people.
impl fmt::Display for CuckooRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CuckooRow { insertions, displaced, longest, growths, moved, .. } = *self;
        write!(f, "cuckoo table {:.1} % full", 100.0 * self.load)?;
        if let Some(slots) = self.slots_per_find {
            write!(f, ", {slots:.2} slots per find")?;
        }
        if displaced > 0 {
            let by = counted(insertions, "insertion", "insertions");
            write!(f, ", {displaced} displaced by {by} (at most {longest} by one)")?;
        }
        if growths > 0 {
            write!(f, ", doubled {} ({moved} moved)", counted(growths, "time", "times"))?;
        }
        Ok(())
    }
}
