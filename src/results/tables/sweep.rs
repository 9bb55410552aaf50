//! Files of a sweep.

use crate::results::outcome::State;

crate::table! {
    /// One row per trial. Behind these columns come a column per setting that the sweep gives, and
    /// one per figure of the summaries.
    "trials.csv" TrialRow {
        /// Its name.
        trial: String,
        /// The number of its point.
        point: usize,
        /// What distinguishes the point.
        label: String,
        /// Its seed.
        seed: u64,
        /// `done`, `failed` or `to do`.
        state: State,
    }
}

crate::table! {
    /// One row per point. Behind `label` comes a column per setting that the sweep gives; behind
    /// `failed` come three per figure of the summaries: the mean over its seeds, and the ends `.low`
    /// and `.high` of its 95 % interval (from three seeds on).
    "points.csv" PointRow {
        /// Its number.
        point: usize,
        /// What distinguishes it.
        label: String,
        /// Its trials.
        trials: usize,
        /// Those that are done.
        done: usize,
        /// Those that blew up, stalled or failed.
        failed: usize,
    }
}

crate::table! {
    /// What `straggler compare --pareto --csv FILE` writes: one row per point.
    "front.csv" FrontRow {
        /// Its number.
        point: usize,
        /// What distinguishes it.
        label: String,
        /// Its trials, of any state.
        trials: usize,
        /// Those that finished.
        done: usize,
        /// Those that blew up, stalled or failed.
        failed: usize,
        /// Those that reached the goal.
        reached: usize,
        /// Best quality over the finished trials, on average.
        quality: Option<f64>,
        /// Lower end of its 95 % interval, from three seeds on.
        quality_low: Option<f64>,
        /// Upper end.
        quality_high: Option<f64>,
        /// Time to the goal, if every finished trial reached it.
        time_s: Option<f64> ["simulated s"],
        /// Lower end of its 95 % interval.
        time_s_low: Option<f64> ["simulated s"],
        /// Upper end.
        time_s_high: Option<f64> ["simulated s"],
        /// Cost to the goal, likewise.
        cost_worker_s: Option<f64> ["worker-seconds"],
        /// Lower end of its 95 % interval.
        cost_worker_s_low: Option<f64> ["worker-seconds"],
        /// Upper end.
        cost_worker_s_high: Option<f64> ["worker-seconds"],
        /// 1 if no other point is at least as good in all three and better in one, else 0.
        on_front: u8,
        /// The number of one that is.
        dominated_by: Option<usize>,
    }
}
