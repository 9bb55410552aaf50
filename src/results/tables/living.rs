//! The rows of embedding tables over time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::counted;

crate::table! {
    "One row per evaluation and embedding table; only with `[eviction]`, `[admission]` or \
     cuckoo tables."
    "tables.csv" #[derive(Default, Serialize, Deserialize)] #[serde(default)] TableRowsRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        table: String = "The table.",
        rows: u64 = "Rows that are there.",
        waiting: u64 = "Ids that have been met and are not admitted.",
        too_early: u64 = "Rows admitted before they had occurred often enough: by chance, or by a \
            filter that took them for another id.",
        bytes: u64 ["bytes"] = "Weights, optimizer state and a key of 8 bytes of each row that is \
            there.",
        came: Option<u64> = "Times that a row came, for the first time or again. It and the next three are \
            empty without `[eviction]`.",
        returned: Option<u64> = "Those of a row that had been evicted before.",
        evicted: Option<u64> = "Rows evicted, or counted by a dry run.",
        late: Option<u64> = "Gradients for a row that was evicted after its worker had read it.",
    }
}

/// One line for people.
impl fmt::Display for TableRowsRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TableRowsRow { table, rows, waiting, too_early, returned, evicted, .. } = self;
        write!(f, "{table}: {} there", counted(*rows, "row", "rows"))?;
        if *waiting > 0 {
            write!(f, ", {} not admitted", counted(*waiting, "id", "ids"))?;
        }
        if *too_early > 0 {
            write!(f, ", {too_early} admitted too early")?;
        }
        if let (Some(evicted @ 1..), Some(returned)) = (evicted, returned) {
            write!(f, ", {evicted} evicted, {returned} returned")?;
        }
        Ok(())
    }
}
