//! Files of a restart lab.

crate::table! {
    "One row per base run, arm and moment after the fork."
    "curves.csv" CurveRow {
        workers: u32 = "Workers of the base run.",
        seed: u64 = "Its seed.",
        arm: String = "The arm.",
        updates: u64 ["updates"] = "Updates since the fork.",
        examples: u64 ["examples"] = "Examples since the fork.",
        sim_s: f64 ["simulated s"] = "Time since the fork.",
        auc: Option<f64> = "AUC on the reporting half of the holdout.",
        selection_auc: Option<f64> = "AUC on the half that chose the fork.",
        session_auc: Option<f64> = "Mean AUC within sessions, on the reporting half.",
        log_loss: Option<f64> ["nats"] = "Log-loss on the reporting half.",
        auc_rare: Option<f64> = "AUC among the third of the examples whose rarest row had the \
            fewest updates at the fork.",
        auc_middle: Option<f64> = "The same in the middle third.",
        auc_frequent: Option<f64> = "The same in the third with the most updates.",
    }
}

crate::table! {
    "What each arm does: one row per number of workers, arm and response."
    "arms.csv" ArmRow {
        workers: u32 = "Workers.",
        arm: String = "The arm.",
        response: String = "The response.",
        seeds: usize = "Seeds that have it.",
        statistic: String = "What `value` is: the `mean` over the seeds; their `median` for depths \
            and recoveries, which have heavy tails, and if some seed is more than ten times as far from \
            it as half of them are.",
        value: Option<f64> = "Mean or median.",
        low: Option<f64> = "Lower end of its 95 % interval, from three seeds on, of a median from six \
            on.",
        high: Option<f64> = "Upper end.",
        p: Option<f64> = "Two-sided p-value of its being 0: of Student's t, of a median by the sign \
            test.",
    }
}

crate::table! {
    "What the factorial attributes: one row per number of workers, response and term."
    "effects.csv" EffectRow {
        workers: u32 = "Workers.",
        response: String = "The response.",
        term: String = "The factor, or the interaction.",
        aliases: String = "Interactions that cannot be told apart from it, with `; ` between them.",
        seeds: usize = "Seeds that have it.",
        statistic: String = "What `effect` is: `mean` or `median`, as in `arms.csv`.",
        effect: Option<f64> = "Mean or median of the effects in the seeds.",
        low: Option<f64> = "Lower end of its 95 % interval, as in `arms.csv`.",
        high: Option<f64> = "Upper end.",
        p: Option<f64> = "Two-sided p-value of its being 0, as in `arms.csv`.",
        p_holm: Option<f64> = "The same, corrected after Holm for all terms of the response at \
            this number of workers.",
    }
}

crate::table! {
    "How much the workers' views differ, and what that is worth: several rows per moment."
    "views.csv" LabViewRow {
        workers: u32 = "Workers of the base run.",
        seed: u64 = "Its seed.",
        arm: String = "The arm.",
        updates: u64 ["updates"] = "Updates since the fork.",
        what: String = "An AUC on the reporting half (`auc server`, `auc single view`, `auc mean \
            of views`, `auc mean of predictions`), or `distance` and a layer: mean distance of the \
            views from the server, relative to its norm.",
        value: Option<f64> = "Its value.",
    }
}
