//! Files that are written when a run ends.

crate::table! {
    "Histograms over the applied pushes, one row per bucket."
    "staleness.csv" StalenessRow {
        class: String = "The machine class.",
        measure: String = "`version` (staleness of the whole push), `clock_lag` in steps, or \
            `age_us` in simulated microseconds.",
        low: u64 = "The smallest value of the bucket: exact for small values, wider for large \
            ones.",
        high: u64 = "The largest value of the bucket, included.",
        count: u64 ["pushes"] = "Pushes in it.",
    }
}

crate::table! {
    "Row staleness by popularity, sampled every `record.rows_every` pushes."
    "rows.csv" PopularityRow {
        table: String = "The id space of the rows.",
        popularity_low: u64 ["updates"] = "Fewest updates of a row before it was pulled.",
        popularity_high: u64 ["updates"] = "Most such updates, included.",
        touches: u64 = "Rows seen.",
        staleness_mean: Option<f64> ["updates"] = "Updates of the row between pull and apply, on \
            average.",
        staleness_max: Option<u64> ["updates"] = "The most of them.",
    }
}

crate::table! {
    "One row per worker. The times add up to the clock at the end, with those in `churn.csv`."
    "workers.csv" WorkerRow {
        worker: u32 = "Its number.",
        class: String = "Its machine class.",
        slowdown: Option<f64> = "Its step time over that of a machine of slowdown 1.",
        steps: u64 = "Pushes that all shards have taken in.",
        examples: u64 = "Examples in them.",
        busy_s: f64 ["simulated s"] = "Time computing.",
        network_s: f64 ["simulated s"] = "Time pulling and pushing, while the message that it waits \
            for is on the way there or back.",
        queued_s: Option<f64> ["simulated s"] = "Time pulling and pushing, while that message waits in the \
            queue of a shard (with processor sharing: while others make its service longer).",
        served_s: Option<f64> ["simulated s"] = "Time pulling and pushing, while a shard serves that message.",
        held_s: Option<f64> ["simulated s"] = "Time held by the protocol: it has asked to pull, and may not yet.",
        waiting_s: f64 ["simulated s"] = "Time before its start, between two steps, or waiting for a \
            checkpoint.",
        staleness_mean: Option<f64> ["updates"] = "Staleness of its applied pushes, on average.",
        staleness_max: Option<u64> ["updates"] = "The largest of them.",
        starved_s: Option<f64> ["simulated s"] = "Time waiting for examples of a live stream, or for \
            nothing once it is over; empty without `[online]`.",
    }
}

crate::table! {
    "One row per worker, only where workers come and go."
    "churn.csv" ChurnRow {
        worker: u32 = "Its number.",
        class: String = "Its machine class.",
        crashes: u64 = "How often it crashed.",
        leaves: u64 = "How often it left by schedule.",
        joins: u64 = "How often it returned, joined or started late.",
        lost_steps: u64 ["steps"] = "Steps lost with it.",
        lost_examples: u64 ["examples"] = "Examples in them.",
        down_s: f64 ["simulated s"] = "Time crashed.",
        away_s: f64 ["simulated s"] = "Time not among the job's workers.",
        asleep_s: f64 ["simulated s"] = "Time asleep by the script.",
    }
}

crate::table! {
    "How often the examples of the training window were used, only with `record.audit`."
    "audit.csv" AuditRow {
        uses: u64 = "How often an example was used.",
        examples: u64 ["examples"] = "Number of examples that were used so often.",
    }
}

crate::table! {
    "One row per checkpoint, only with a `checkpoint.save` that takes time."
    "checkpoints.csv" CheckpointRow {
        checkpoint: String = "The name of its file.",
        due_s: f64 ["simulated s"] = "When it was due.",
        begun_s: f64 ["simulated s"] = "When its first piece was copied.",
        ended_s: f64 ["simulated s"] = "When everything was written.",
        updates_due: u64 ["updates"] = "The job's updates when it was due.",
        updates_begun: u64 ["updates"] = "The job's updates when its first piece was copied.",
        updates_ended: u64 ["updates"] = "The job's updates when everything was written.",
        held: u64 = "Workers held up when the first piece was copied.",
        not_held: u64 ["steps"] = "Steps in flight then that had not come to rest.",
        skew: u64 ["updates"] = "Most updates of a shard between the first piece and the copy of \
            one of its pieces.",
        rows_without_slots: u64 = "Rows of which a part of the optimizer state was copied before their \
            first update, and the weights or another part after it, added up over the slots.",
        rows_without_weights: u64 = "Rows with weights copied before they were there, and some \
            slot when they were.",
        weights_newer: u64 = "Rows whose weights have an update that some slot lacks.",
        slots_newer: u64 = "Rows of which some slot has an update that the weights lack.",
        slots_apart: u64 = "Rows of which two slots belong to different updates.",
        counters_apart: u64 = "Rows whose counter of updates and weights belong to different updates.",
        admission_apart: u64 = "Rows that are admitted by their count and not by their weights, or the \
            reverse.",
        evicted_between: u64 = "Rows that were evicted between the copies of two of their parts.",
        bytes: u64 ["bytes"] = "What was written.",
    }
}

crate::table! {
    "One row per failure of a shard, in the order of the crashes, only where shards fail."
    "shard_failures.csv" ShardFailureRow {
        shard: u32 = "The shard.",
        crashed_s: f64 ["simulated s"] = "When it crashed.",
        noticed_s: Option<f64> ["simulated s"] = "When that was noticed; empty if the run ended \
            before.",
        back_s: Option<f64> ["simulated s"] = "When it served again; empty if the run ended before.",
        returned_to_s: Option<f64> ["simulated s"] = "The moment whose state it returned with; empty \
            if it lost nothing or did not return.",
        version: u64 ["updates"] = "Its version at the crash.",
        updates_lost: u64 ["updates"] = "Updates of the shard that its content lost, or never got.",
        examples_lost: u64 ["examples"] = "Examples in them: their effect on this shard is lost.",
        all_updates_lost: u64 ["updates"] = "Updates that all shards lost through this failure.",
        all_examples_lost: f64 ["examples"] = "Examples whose effect is lost through this failure: one \
            that a tenth of the shards lost counts as a tenth.",
        steps_lost: u64 ["steps"] = "Steps of workers that it ended.",
        requests_waited: u64 = "Requests that waited for the shard.",
        stale_rows: u64 = "Rows that returned with older values than at that moment, since increments \
            were missing or in a wrong order.",
        behind: Option<u64> ["updates"] = "Updates by which its content was behind its version when it \
            was back, those of earlier failures included.",
    }
}

crate::table! {
    "One row per shard."
    "shards.csv" ShardRow {
        shard: u32 = "Its number.",
        updates: u64 ["updates"] = "Updates that it has applied.",
        busy_s: f64 ["simulated s"] = "Time spent serving, the mean over the cores of its processor.",
        queue_wait_s: f64 ["simulated s"] = "Time that requests waited for the shard and its \
            inward link, added up.",
        bytes_in: u64 ["bytes"] = "Bytes pushed to it.",
        bytes_out: u64 ["bytes"] = "Bytes pulled from it.",
        staleness_mean: Option<f64> ["updates"] = "Staleness of the pushes it has applied, in its \
            own versions, on average.",
        staleness_p99: Option<u64> ["updates"] = "99th percentile of the same.",
        staleness_max: Option<u64> ["updates"] = "The largest of them.",
        rows_read: Option<f64> = "Embedding rows that pulls read, added up over tables: shows the \
            load of popular rows.",
        rows_written: Option<f64> = "Embedding rows that pushes brought it.",
    }
}
