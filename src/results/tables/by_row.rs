//! Quality by the rows of the examples.

use super::RowSplit;

crate::table! {
    "One row per evaluation, id space, split and class of rows with examples; only with \
    `holdout.by_row`. The classes of a split together are the reporting half of the holdout."
    "by_row.csv" ByRowRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        space: String = "The id space. An example belongs to the class of the row of its own id in \
            it; ids of its history do not count.",
        split: RowSplit = "`frequency`: pushes with the row so far. `age`: updates of the job since \
            the last of them. `returned`: times that the row came back after an eviction, only with \
            `[eviction]`.",
        class: String = "The class: a range of numbers; `unknown` for rows that the model does not \
            have; with `age` `before the run` for rows that only an earlier run has met; with \
            `returned` `evicted` for rows that are away.",
        least: Option<u64> = "The least number of the class; empty if it is no range.",
        scored: u64 ["examples"] = "Examples of the reporting half in the class.",
        share: f64 ["share"] = "The same as a share of the half.",
        positives: u64 ["examples"] = "Those with a positive label.",
        auc: Option<f64> = "AUC among the examples of the class.",
        auc_error: Option<f64> = "Its standard error over the examples.",
        log_loss: Option<f64> ["nats"] = "Log-loss.",
        log_loss_error: Option<f64> ["nats"] = "Its standard error over the examples.",
        predicted: Option<f64> = "Mean of the predicted probabilities.",
        calibration: Option<f64> = "Clicks predicted per click observed.",
        undefined: Option<String> = "Why figures of this row are empty.",
    }
}
