//! Files that are written when a run ends.

crate::table! {
    /// Histograms over the applied pushes, one row per bucket.
    "staleness.csv" StalenessRow {
        /// The machine class.
        class: String,
        /// `version` (staleness of the whole push), `clock_lag` in steps, or `age_us` in simulated
        /// microseconds.
        measure: String,
        /// The smallest value of the bucket: exact for small values, wider for large ones.
        low: u64,
        /// The largest value of the bucket, included.
        high: u64,
        /// Pushes in it.
        count: u64 ["pushes"],
    }
}

crate::table! {
    /// Row staleness by popularity, sampled every `record.rows_every` pushes.
    "rows.csv" PopularityRow {
        /// The id space of the rows.
        table: String,
        /// Fewest updates that a row had had when it was pulled.
        popularity_low: u64 ["updates"],
        /// Most such updates, included.
        popularity_high: u64 ["updates"],
        /// Rows seen.
        touches: u64,
        /// Updates of the row between pull and apply, on average.
        staleness_mean: Option<f64> ["updates"],
        /// The most of them.
        staleness_max: Option<u64> ["updates"],
    }
}

crate::table! {
    /// One row per worker. The times add up to the clock at the end, with those in `churn.csv`.
    "workers.csv" WorkerRow {
        /// Its number.
        worker: u32,
        /// Its machine class.
        class: String,
        /// Its step time over that of a machine of slowdown 1.
        slowdown: Option<f64>,
        /// Pushes that all shards have taken in.
        steps: u64,
        /// Examples in them.
        examples: u64,
        /// Time computing.
        busy_s: f64 ["simulated s"],
        /// Time pulling and pushing.
        network_s: f64 ["simulated s"],
        /// Time waiting for the start or for the protocol.
        waiting_s: f64 ["simulated s"],
        /// Staleness of its applied pushes, on average.
        staleness_mean: Option<f64> ["updates"],
        /// The largest of them.
        staleness_max: Option<u64> ["updates"],
    }
}

crate::table! {
    /// One row per worker, only where workers come and go.
    "churn.csv" ChurnRow {
        /// Its number.
        worker: u32,
        /// Its machine class.
        class: String,
        /// How often it crashed.
        crashes: u64,
        /// How often it left by schedule.
        leaves: u64,
        /// How often it was there again, or at last.
        joins: u64,
        /// Steps lost with it.
        lost_steps: u64 ["steps"],
        /// Examples in them.
        lost_examples: u64 ["examples"],
        /// Time crashed.
        down_s: f64 ["simulated s"],
        /// Time not among the job's workers.
        away_s: f64 ["simulated s"],
        /// Time asleep by the script.
        asleep_s: f64 ["simulated s"],
    }
}

crate::table! {
    /// How often the examples of the training window were used, only with `record.audit`.
    "audit.csv" AuditRow {
        /// So often.
        uses: u64,
        /// So many examples.
        examples: u64 ["examples"],
    }
}

crate::table! {
    /// One row per checkpoint, only with a `checkpoint.save` that takes time.
    "checkpoints.csv" CheckpointRow {
        /// The name of its file.
        checkpoint: String,
        /// When it was due.
        due_s: f64 ["simulated s"],
        /// When its first piece was copied.
        begun_s: f64 ["simulated s"],
        /// When everything was written.
        ended_s: f64 ["simulated s"],
        /// The job's updates when it was due.
        updates_due: u64 ["updates"],
        /// The job's updates when its first piece was copied.
        updates_begun: u64 ["updates"],
        /// The job's updates when everything was written.
        updates_ended: u64 ["updates"],
        /// Workers held up when the first piece was copied.
        held: u64,
        /// Steps in flight then that had not come to rest.
        not_held: u64 ["steps"],
        /// Most updates of a shard between the first piece and the copy of one of its pieces.
        skew: u64 ["updates"],
        /// Rows saved with weights and without a slot, slot by slot.
        rows_without_slots: u64,
        /// What was written.
        bytes: u64 ["bytes"],
    }
}

crate::table! {
    /// One row per shard.
    "shards.csv" ShardRow {
        /// Its number.
        shard: u32,
        /// Updates that it has applied.
        updates: u64 ["updates"],
        /// Time spent serving.
        busy_s: f64 ["simulated s"],
        /// Time that requests waited for the shard and its inward link, added up.
        queue_wait_s: f64 ["simulated s"],
        /// Bytes pushed to it.
        bytes_in: u64 ["bytes"],
        /// Bytes pulled from it.
        bytes_out: u64 ["bytes"],
        /// Staleness of the pushes it has applied, in its own versions, on average.
        staleness_mean: Option<f64> ["updates"],
        /// 99th percentile of the same.
        staleness_p99: Option<u64> ["updates"],
        /// The largest of them.
        staleness_max: Option<u64> ["updates"],
        /// Embedding rows (ids times tables) that pulls read: what hot rows weigh.
        rows_read: Option<f64>,
        /// Embedding rows that pushes brought it.
        rows_written: Option<f64>,
    }
}
