//! Files that grow during a run.

use super::{Activity, EvaluatedView};

crate::table! {
    "One row per evaluation on the holdout and kind of parameters."
    "evaluations.csv" EvaluationRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        passes: Option<f64> = "Passes over the training window before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        view: EvaluatedView = "Whose parameters: `server`; `mean_of_views`, the mean of the \
            workers' dense views with the server's rows; `mean_of_predictions` of up to 20 views; \
            and `worker:N`.",
        auc: Option<f64> = "AUC on the reporting half of the holdout, as are the next four.",
        session_auc: Option<f64> = "Mean AUC within sessions.",
        log_loss: Option<f64> ["nats"] = "Log-loss.",
        normalised_entropy: Option<f64> = "Log-loss over the entropy of the mean label.",
        calibration: Option<f64> = "Clicks predicted per click observed.",
        selection_auc: Option<f64> = "AUC on the selection half, by which the best step is chosen; \
            session AUC with `holdout.best_by = \"session_auc\"`.",
        undefined: Option<String> = "Why figures of this row are empty.",
        unknown_ids: Option<f64> = "Share of the ids looked up by the examples (fields and \
            histories) that the model has not met in training; for `server` only.",
    }
}

impl EvaluationRow {
    /// The figure of this name, one of [`FIGURES`](crate::metrics::measure::FIGURES).
    pub fn figure(&self, name: &str) -> Option<f64> {
        match name {
            "auc" => self.auc,
            "session_auc" => self.session_auc,
            "log_loss" => self.log_loss,
            "normalised_entropy" => self.normalised_entropy,
            "calibration" => self.calibration,
            _ => None,
        }
    }
}

crate::table! {
    "One row per `record.training`: means over the pushes since the last row."
    "training.csv" TrainingRow {
        update: u64 ["updates"] = "Updates applied at its end.",
        examples: u64 ["examples"] = "Examples trained on at its end.",
        sim_s: f64 ["simulated s"] = "The virtual clock at its end.",
        loss: Option<f64> ["nats"] = "Training loss.",
        rate: Option<f64> = "Learning rate of the dense group that the last of these updates \
            had, after schedule and restart and before remedies.",
        gradient_norm: Option<f64> = "Norm of the applied gradients.",
        staleness_mean: Option<f64> ["updates"] = "Staleness of the applied gradients.",
        in_flight: Option<f64> ["steps"] = "Steps pulled and not yet applied.",
        gap_mean: Option<f64> = "Gap between view and server, over the pushes for which it was \
            measured (`record.gap_every`).",
    }
}

crate::table! {
    "One row per layer and measure at every `record.divergence`."
    "divergence.csv" DivergenceRow {
        update: u64 ["updates"] = "Updates applied before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        group: String = "`dense` or `sparse`.",
        layer: String = "The layer or embedding table.",
        measure: String = "`from_server` or `from_each_other`.",
        mean: Option<f64> = "Mean over the workers' views of their distance, relative to the \
            server's norm.",
        max: Option<f64> = "The largest of them.",
    }
}

crate::table! {
    "What workers do: the first `record.timeline` activities of workers and shards together."
    "timeline.csv" TimelineRow {
        worker: u32 = "The worker.",
        class: String = "Its machine class.",
        activity: Activity = "`pull`, `compute`, `push`, `held` (by the protocol) or `wait`, or \
            `sleep`, `down` or `away`.",
        start_s: f64 ["simulated s"] = "When it began.",
        end_s: f64 ["simulated s"] = "When it ended.",
        step: Option<u64> = "The step of the worker that it belongs to.",
    }
}

crate::table! {
    "What shards do: the requests that they serve, beside `timeline.csv`."
    "service.csv" ServiceRow {
        shard: u32 = "The shard.",
        worker: u32 = "The worker whose request it is.",
        activity: Activity = "`pull` or `push`.",
        start_s: f64 ["simulated s"] = "When it began.",
        end_s: f64 ["simulated s"] = "When it ended.",
    }
}
