//! What the serving copy serves.

use crate::sim::serving::{ItemSplit, ServedCopy};

crate::table! {
    "One row per `serving.every` and copy, and one for the rest of the run; only with `[serving]`. \
     Requests are scored when they come, before anybody trains on them."
    "served.csv" ServedRow {
        from_s: f64 ["simulated s"] = "The start of the stretch of time; requests of this instant \
            belong to the stretch before.",
        to_s: f64 ["simulated s"] = "Its end.",
        copy: ServedCopy = "`serving`: the serving copy. `oracle`: the training servers' own \
            parameters. `batch`: the parameters with which the run started.",
        requests: u64 = "Requests that came.",
        scored: u64 = "Those that were scored.",
        positives: u64 = "Scored ones that are positive in the log.",
        auc: Option<f64> = "AUC.",
        auc_error: Option<f64> = "Its standard error over the requests.",
        session_auc: Option<f64> = "Mean AUC over the groups (sessions) with both labels.",
        log_loss: Option<f64> ["nats"] = "Log-loss.",
        log_loss_error: Option<f64> ["nats"] = "Its standard error over the requests.",
        normalised_entropy: Option<f64> = "Log-loss over the entropy of the mean label.",
        calibration: Option<f64> = "Clicks predicted per click observed.",
        undefined: Option<String> = "Why figures of this row are empty.",
        stale: Option<f64> ["share"] = "Scored requests with a row that had been updated since the \
            serving copy's values of it were read. This and what follows is of the serving copy only.",
        row_lag_s: Option<f64> ["simulated s"] = "Mean time from the first of these updates to the \
            request; 0 for requests without one.",
        row_lag_p99_s: Option<f64> ["simulated s"] = "Its 99th percentile.",
        dense_age_s: Option<f64> ["simulated s"] = "Mean time since the serving copy's oldest dense \
            parameters were read.",
        row_bytes: Option<u64> ["bytes"] = "Bytes of rows sent, each attempt counted when it is due \
            the first time: 8 per row and 4 per number.",
        dense_bytes: Option<u64> ["bytes"] = "Bytes of dense and non-trainable parameters sent.",
        forgotten: Option<u64> ["rows"] = "Updated rows that shards forgot before they sent them.",
        lost: Option<u64> ["messages"] = "Messages lost, each attempt counted.",
        overtaken: Option<u64> ["messages"] = "Messages that arrived after one that was sent later.",
    }
}

crate::table! {
    "What each copy served in the whole run, by how well known the item of a request was when it came; \
     only with `[serving]`, on a log with items (`serving.item`). Each scored request is in one row of every \
     copy and split. The rows of a split have the same requests in all runs of a stream that score the \
     same ones."
    "served_slices.csv" ServedSliceRow {
        copy: ServedCopy = "As in `served.csv`.",
        by: ItemSplit = "`frequency`: examples with the item before the request, those of earlier days of the \
            log included. `age`: simulated seconds since the item was first in the log.",
        low: Option<u64> = "The smallest number of the class. Empty for items of earlier days whose \
            age nobody knows, since requests do not come at the times of the log.",
        high: Option<u64> = "The largest number of the class, included; ages are rounded down.",
        scored: u64 = "Requests of the class that were scored.",
        positives: u64 = "Those that are positive in the log.",
        auc: Option<f64> = "AUC among them.",
        auc_error: Option<f64> = "Its standard error over the requests.",
        log_loss: Option<f64> ["nats"] = "Log-loss.",
        log_loss_error: Option<f64> ["nats"] = "Its standard error over the requests.",
        normalised_entropy: Option<f64> = "Log-loss over the entropy of the mean label.",
        calibration: Option<f64> = "Clicks predicted per click observed.",
        undefined: Option<String> = "Why figures of this row are empty.",
        stale: Option<f64> ["share"] = "As in `served.csv`; this and what follows is of the serving copy only.",
        row_lag_s: Option<f64> ["simulated s"] = "As in `served.csv`.",
    }
}
