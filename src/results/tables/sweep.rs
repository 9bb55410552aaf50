//! Files of a sweep.

use crate::results::state::State;

crate::table! {
    "One row per trial. Behind these columns come a column per setting that the sweep gives, and \
    one per figure of the summaries."
    "trials.csv" TrialRow {
        trial: String = "Its name.",
        point: usize = "The number of its point.",
        label: String = "What distinguishes the point.",
        seed: u64 = "Its seed.",
        state: State = "`done`, `failed` or `to do`.",
        undefined: Option<String> = "Why figures of it are empty, if its summary says so.",
        broken: Option<String> = "What is wrong, if its training broke: its figures mean little.",
    }
}

crate::table! {
    "One row per point. Behind `label` comes a column per setting that the sweep gives; behind \
    `broken` come three per figure of the summaries: the mean over its seeds, and the ends `.low` \
    and `.high` of its 95 % interval (from three seeds on)."
    "points.csv" PointRow {
        point: usize = "Its number.",
        label: String = "What distinguishes it.",
        trials: usize = "Its trials.",
        done: usize = "Those that are done.",
        failed: usize = "Those that blew up, stalled or failed.",
        broken: usize = "Those of the done ones whose training broke; they are in the means.",
    }
}

crate::table! {
    "One row per contestant, only of a race. Differences are to the first contestant, paired by seed; \
    they need three seeds."
    "race.csv" RaceRow {
        contestant: String = "The contestant as it was written.",
        done: usize ["trials"] = "Its finished trials.",
        broken: usize ["trials"] = "Those of them whose training broke; they are in the means.",
        equal_time_s: Option<f64> ["simulated s"] = "The earliest end of all trials.",
        auc_at_time: Option<f64> = "AUC at the last evaluation until then, on average.",
        auc_at_time_difference: Option<f64> = "The same minus that of the first contestant.",
        auc_at_time_difference_low: Option<f64> = "Lower end of its 95 % interval.",
        auc_at_time_difference_high: Option<f64> = "Upper end.",
        equal_examples: u64 ["examples"] = "The fewest examples at the last evaluation of a trial.",
        auc_at_examples: Option<f64> = "AUC at the last evaluation until then, on average.",
        auc_at_examples_difference: Option<f64> = "The same minus that of the first contestant.",
        auc_at_examples_difference_low: Option<f64> = "Lower end of its 95 % interval.",
        auc_at_examples_difference_high: Option<f64> = "Upper end.",
        end_s: Option<f64> ["simulated s"] = "The virtual clock at the end, on average.",
        staleness_mean: Option<f64> ["updates"] = "Mean staleness, on average.",
        held: Option<f64> ["share"] = "Share of the workers' time held by the protocol, on average.",
    }
}

crate::table! {
    "What `straggler compare --pareto --csv FILE` writes: one row per point."
    "front.csv" FrontRow {
        point: usize = "Its number.",
        label: String = "What distinguishes it.",
        trials: usize = "Its trials, of any state.",
        done: usize = "Those that finished.",
        failed: usize = "Those that blew up, stalled or failed.",
        broken: usize = "Those of the finished ones whose training broke: the point is not compared.",
        reached: usize = "Those that reached the goal.",
        quality: Option<f64> = "Best quality over the finished trials, on average.",
        quality_low: Option<f64> = "Lower end of its 95 % interval, from three seeds on.",
        quality_high: Option<f64> = "Upper end.",
        time_s: Option<f64> ["simulated s"] = "Time to the goal, if every finished trial reached \
            it.",
        time_s_low: Option<f64> ["simulated s"] = "Lower end of its 95 % interval.",
        time_s_high: Option<f64> ["simulated s"] = "Upper end.",
        cost_worker_s: Option<f64> ["worker-seconds"] = "Cost to the goal, likewise.",
        cost_worker_s_low: Option<f64> ["worker-seconds"] = "Lower end of its 95 % interval.",
        cost_worker_s_high: Option<f64> ["worker-seconds"] = "Upper end.",
        on_front: u8 = "1 if no other point is at least as good in all three and better in one, \
            else 0. A point with trials that are not finished or broke is never on it.",
        dominated_by: Option<usize> = "The number of one that is.",
    }
}
