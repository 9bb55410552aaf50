//! What happens to a live stream.

crate::table! {
    "What a live stream is like, every `record.training` and at both ends; only with `[online]`. \
     Counts are of the run so far, where nothing else is said."
    "stream.csv" StreamRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        requests: u64 = "Requests that have come. Their features are lost, on the way, in memory or on \
            disk, or they were emitted as positive or negative, or are unkept: these add up to them.",
        positives: u64 = "Requests that are positive in the log.",
        features_lost: u64 = "Requests whose features are lost.",
        features_on_way: u64 = "Features that are on their way to the joiner now.",
        in_memory: u64 = "Requests whose features wait in memory now.",
        on_disk: u64 = "Requests whose features wait on disk now.",
        emitted_positives: u64 = "Requests emitted as positive within their window.",
        emitted_negatives: u64 = "Requests emitted as negative.",
        unkept: u64 = "Requests that were negative and not kept.",
        never: u64 = "Positive requests whose action never comes.",
        twice: u64 = "Actions that are sent twice.",
        joined: u64 = "Actions that found their features in memory.",
        from_disk: u64 = "Actions that found their features on disk.",
        after_action: u64 = "Actions whose features came later, but in time.",
        actions_waiting: u64 = "Actions that wait for their features now.",
        actions_alone: u64 = "Actions that have waited for their features in vain.",
        actions_late: u64 = "Actions that came after the window of their request.",
        actions_again: u64 = "Actions on a request that has had one, without effect.",
        second: u64 ["examples"] = "Positive examples emitted for late actions.",
        taken_back: u64 ["examples"] = "Negative examples taken back for late actions.",
        queue: u64 ["examples"] = "Examples that wait for workers now.",
        queue_longest: u64 ["examples"] = "The most of them since the row before.",
        dropped_positives: u64 ["examples"] = "Positive examples dropped because the queue was full.",
        dropped_negatives: u64 ["examples"] = "Negative examples dropped because the queue was full.",
        blocked: u64 = "1 while the joiner stands still because the queue is full, 0 otherwise.",
        taken: u64 ["examples"] = "Examples that workers have taken.",
        queue_lag_s: Option<f64> ["simulated s"] = "Mean time from a request to the moment at which a \
            worker took its example, of examples taken since the row before.",
        queue_lag_max_s: Option<f64> ["simulated s"] = "The longest of these times.",
        update_lag_s: Option<f64> ["simulated s"] = "Mean time from a request to the update with its \
            example, of examples applied since the row before.",
        update_lag_max_s: Option<f64> ["simulated s"] = "The longest of these times.",
    }
}
