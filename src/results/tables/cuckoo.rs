//! The hash tables that find rows, over time.

crate::table! {
    "One row per evaluation and embedding table; only for tables with `tables.hashing.kind = \"cuckoo\"`. \
     With several shards, their hash tables together."
    "cuckoo.csv" CuckooRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        table: String = "The table.",
        entries: u64 = "Entries: rows that are there.",
        buckets: u64 = "Buckets.",
        load: f64 = "Share of the slots that is occupied.",
        bytes: u64 ["bytes"] = "All slots, 16 bytes each, without weights.",
        finds: u64 = "Times that a pull or a push looked for an id.",
        slots_per_find: Option<f64> = "Slots that a find looked at, on average.",
        insertions: u64 = "Entries that were inserted, those of loaded checkpoints included.",
        displaced: u64 = "Entries that insertions moved to their other bucket.",
        longest: u64 = "Most entries that one insertion moved.",
        removals: u64 = "Entries that were removed.",
        growths: u64 = "Times that the number of buckets doubled.",
        moved: u64 = "Entries that were copied to more buckets.",
        aside: u64 = "Entries outside the buckets, because their ids collide too often.",
    }
}
