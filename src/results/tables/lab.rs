//! Files of a restart lab.

crate::table! {
    /// One row per base run, arm and moment after the fork.
    "curves.csv" CurveRow {
        /// Workers of the base run.
        workers: u32,
        /// Its seed.
        seed: u64,
        /// The arm.
        arm: String,
        /// Updates since the fork.
        updates: u64 ["updates"],
        /// Examples since the fork.
        examples: u64 ["examples"],
        /// Time since the fork.
        sim_s: f64 ["simulated s"],
        /// AUC on the reporting half of the holdout.
        auc: Option<f64>,
        /// AUC on the half that chose the fork.
        selection_auc: Option<f64>,
        /// Mean AUC within sessions, on the reporting half.
        session_auc: Option<f64>,
        /// Log-loss on the reporting half.
        log_loss: Option<f64> ["nats"],
        /// AUC among the third of the examples whose rarest row had the fewest updates at the fork.
        auc_rare: Option<f64>,
        /// The same in the middle third.
        auc_middle: Option<f64>,
        /// The same in the third with the most updates.
        auc_frequent: Option<f64>,
    }
}

crate::table! {
    /// What each arm does: one row per number of workers, arm and response.
    "arms.csv" ArmRow {
        /// Workers.
        workers: u32,
        /// The arm.
        arm: String,
        /// The response.
        response: String,
        /// Seeds that have it.
        seeds: usize,
        /// Mean over the seeds.
        mean: Option<f64>,
        /// Lower end of its 95 % interval, from three seeds on.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Two-sided p-value of its being 0.
        p: Option<f64>,
    }
}

crate::table! {
    /// What the factorial attributes: one row per number of workers, response and term.
    "effects.csv" EffectRow {
        /// Workers.
        workers: u32,
        /// The response.
        response: String,
        /// The factor, or the interaction.
        term: String,
        /// Interactions that cannot be told apart from it, with `; ` between them.
        aliases: String,
        /// Seeds that have it.
        seeds: usize,
        /// Mean over the seeds of the effect in each of them.
        effect: Option<f64>,
        /// Lower end of its 95 % interval, from three seeds on.
        low: Option<f64>,
        /// Upper end.
        high: Option<f64>,
        /// Two-sided p-value of its being 0.
        p: Option<f64>,
        /// The same, corrected after Holm for all terms of the response at this number of workers.
        p_holm: Option<f64>,
    }
}

crate::table! {
    /// How much the workers' views differ, and what that is worth: several rows per moment.
    "views.csv" LabViewRow {
        /// Workers of the base run.
        workers: u32,
        /// Its seed.
        seed: u64,
        /// The arm.
        arm: String,
        /// Updates since the fork.
        updates: u64 ["updates"],
        /// An AUC on the reporting half (`auc server`, `auc single view`, `auc mean of views`, `auc
        /// mean of predictions`), or `distance` and a layer: mean distance of the views from the
        /// server, relative to its norm.
        what: String,
        /// Its value.
        value: Option<f64>,
    }
}
