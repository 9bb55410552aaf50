//! Files that grow while a run goes on.

use super::{Activity, EvaluatedView};

crate::table! {
    /// One row per evaluation on the holdout and kind of parameters.
    "evaluations.csv" EvaluationRow {
        /// Updates applied before it.
        update: u64 ["updates"],
        /// Examples trained on before it.
        examples: u64 ["examples"],
        /// Passes over the training window before it.
        passes: Option<f64>,
        /// The virtual clock.
        sim_s: f64 ["simulated s"],
        /// Whose parameters: `server`; `mean_of_views`, the mean of the workers' dense views with
        /// the server's rows; `mean_of_predictions` of up to 20 views; and `worker:N`.
        view: EvaluatedView,
        /// AUC on the reporting half of the holdout, as are the next four.
        auc: Option<f64>,
        /// Mean AUC within sessions.
        session_auc: Option<f64>,
        /// Log-loss.
        log_loss: Option<f64> ["nats"],
        /// Log-loss over the entropy of the mean label.
        normalised_entropy: Option<f64>,
        /// Clicks predicted per click observed.
        calibration: Option<f64>,
        /// AUC on the selection half, by which the best step is chosen; session AUC with
        /// `holdout.best_by = "session_auc"`.
        selection_auc: Option<f64>,
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
    /// One row per `record.training`: means over the pushes since the last row.
    "training.csv" TrainingRow {
        /// Updates applied at its end.
        update: u64 ["updates"],
        /// Examples trained on at its end.
        examples: u64 ["examples"],
        /// The virtual clock at its end.
        sim_s: f64 ["simulated s"],
        /// Training loss.
        loss: Option<f64> ["nats"],
        /// Learning rate of the dense group.
        rate: Option<f64>,
        /// Norm of the applied gradients.
        gradient_norm: Option<f64>,
        /// Staleness of the applied gradients.
        staleness_mean: Option<f64> ["updates"],
        /// Steps pulled and not yet applied.
        in_flight: Option<f64> ["steps"],
        /// Gap between view and server, over the pushes for which it was measured
        /// (`record.gap_every`).
        gap_mean: Option<f64>,
    }
}

crate::table! {
    /// One row per layer and measure at every `record.divergence`.
    "divergence.csv" DivergenceRow {
        /// Updates applied before it.
        update: u64 ["updates"],
        /// The virtual clock.
        sim_s: f64 ["simulated s"],
        /// `dense` or `sparse`.
        group: String,
        /// The layer or embedding table.
        layer: String,
        /// `from_server` or `from_each_other`.
        measure: String,
        /// Mean over the workers' views of their distance, relative to the server's norm.
        mean: Option<f64>,
        /// The largest of them.
        max: Option<f64>,
    }
}

crate::table! {
    /// What workers do: the first `record.timeline` activities of workers and shards together.
    "timeline.csv" TimelineRow {
        /// The worker.
        worker: u32,
        /// Its machine class.
        class: String,
        /// `pull`, `compute`, `push` or `wait`, or `sleep`, `down` or `away`.
        activity: Activity,
        /// From.
        start_s: f64 ["simulated s"],
        /// Until.
        end_s: f64 ["simulated s"],
        /// During which step of the worker.
        step: Option<u64>,
    }
}

crate::table! {
    /// What shards do: the requests that they serve, beside `timeline.csv`.
    "service.csv" ServiceRow {
        /// The shard.
        shard: u32,
        /// The worker whose request it is.
        worker: u32,
        /// `pull` or `push`.
        activity: Activity,
        /// From.
        start_s: f64 ["simulated s"],
        /// Until.
        end_s: f64 ["simulated s"],
    }
}
