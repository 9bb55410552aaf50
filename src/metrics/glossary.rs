//! The definition of every figure of a results folder.

/// One figure.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in files and tables.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its definition.
    pub text: &'static str,
}

/// All figures.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "auc",
        unit: "-",
        text: "Area under the ROC curve on the holdout: the chance that a clicked example scores higher \
               than one that was not; ties count half. Not defined if a score is NaN or one label is \
               missing.",
    },
    Metric {
        name: "auc_error",
        unit: "-",
        text: "Standard error of the AUC: how much it varies with the examples of the holdout (Hanley & McNeil \
               1982, eq. 1). It does not hold how much the AUC varies with the seed.",
    },
    Metric {
        name: "session_auc",
        unit: "-",
        text: "Unweighted mean of the AUC within each session (or user) that has both labels.",
    },
    Metric {
        name: "session_auc_error",
        unit: "-",
        text: "Standard error of the session AUC over the sessions that have both labels.",
    },
    Metric { name: "log_loss", unit: "nats", text: "Mean binary cross-entropy on the holdout." },
    Metric {
        name: "log_loss_error",
        unit: "nats",
        text: "Standard error of the log-loss over the examples of the holdout.",
    },
    Metric {
        name: "normalised_entropy",
        unit: "-",
        text: "Log-loss divided by the entropy of the mean label (He et al. 2014); below 1 is better \
               than predicting the base rate.",
    },
    Metric {
        name: "calibration",
        unit: "-",
        text: "Sum of the predicted probabilities divided by the number of clicks; 1 is ideal.",
    },
    Metric {
        name: "unknown_ids",
        unit: "share",
        text: "Share of the ids looked up by the holdout's examples, in fields and histories, that \
               training has not met; `tables.unknown` says what the model reads for them.",
    },
    Metric {
        name: "staleness",
        unit: "updates",
        text: "Versions of a shard applied between a worker's pull and the apply of its push; for a \
               whole push the mean over the shards. With one shard, no network and no waiting its \
               mean is the number of workers minus one, whatever the step times.",
    },
    Metric {
        name: "row_staleness",
        unit: "updates",
        text: "As staleness, but counting only updates that touched that embedding row.",
    },
    Metric {
        name: "clock_lag",
        unit: "steps",
        text: "Steps by which a worker was behind the fastest when it had pushed.",
    },
    Metric {
        name: "age",
        unit: "simulated seconds",
        text: "Simulated time from the first read of a pull to the last apply of its push.",
    },
    Metric {
        name: "gap",
        unit: "-",
        text: "|w_now - w_pulled| / sqrt(d) over the dense group, each shard's part just before \
               its apply (Hakimi et al. 2019); sampled every `record.gap_every` pushes.",
    },
    Metric {
        name: "divergence",
        unit: "-",
        text: "|view - server| / |server| of a layer, over the workers' views: mean and largest; \
               `from_each_other` is the root mean square distance of the views from their mean, \
               relative to the server. For tables only the rows that a worker holds count.",
    },
    Metric {
        name: "change",
        unit: "-",
        text: "|w - w_before| / |w| of a layer or table, with w_before from the last look of \
               `record.layers`: what has converged does not move. It falls with the learning rate as well.",
    },
    Metric {
        name: "agreement",
        unit: "-",
        text: "|sum of g| / sqrt(sum of |g|^2) over the gradients applied to a layer since the last look: \
               about 1 where they cancel as noise does, below 1 where some undo what others did, and the \
               root of the number of pushes where all are alike.",
    },
    Metric {
        name: "rows_idle",
        unit: "share",
        text: "Rows of a table that some push has touched since the run began, but none since the last look \
               of `record.layers`: dead features, if a look is at least a pass. Rows that were never touched \
               are 1 - `rows_touched`.",
    },
    Metric {
        name: "mixed_reads",
        unit: "share",
        text: "Share of pulls that read different versions at different shards.",
    },
    Metric {
        name: "gradient_norm",
        unit: "-",
        text: "Euclidean norm of a pushed gradient, dense part and rows, after clipping.",
    },
    Metric {
        name: "loss",
        unit: "nats",
        text: "Mean training loss of a batch on the view it was computed from, before the update.",
    },
    Metric {
        name: "crashes",
        unit: "count",
        text: "Crashes of workers that were there, at random or by the script. Each takes the step that the \
               worker is in with it, unless its push is on the way and `cluster.failures.on_the_way` lets \
               it arrive.",
    },
    Metric {
        name: "leaves",
        unit: "count",
        text: "Times that a worker left by a schedule of `cluster.membership`.",
    },
    Metric {
        name: "joins",
        unit: "count",
        text: "Times that a worker returned or appeared: repaired, joined, or started late. Workers \
               present at the start, plus joins, minus crashes, leaves and `stops` (for a shard that had \
               failed), are those present at the end.",
    },
    Metric {
        name: "lost_steps",
        unit: "steps",
        text: "Steps that were begun and lost with their worker, in a crash or a sudden leave.",
    },
    Metric {
        name: "lost_examples",
        unit: "examples",
        text: "Examples of lost steps. `cluster.failures.lost` says what becomes of them; \
               `outstanding_examples` are those that were to come back and had not been handed out again by \
               the end.",
    },
    Metric {
        name: "behind",
        unit: "updates",
        text: "Updates by which the content of a shard is behind its version: those that it lost when it came \
               back from a failure, and those that it never got while it was down. The version itself never \
               falls.",
    },
    Metric {
        name: "updates_lost",
        unit: "updates",
        text: "Updates of a shard that its content lost through failures, or never got.",
    },
    Metric {
        name: "examples_lost",
        unit: "examples",
        text: "Examples in lost updates: they were trained on, and the shard does not have their effect any \
               more. For a whole job an example counts by the share of the shards that lost it.",
    },
    Metric {
        name: "uses",
        unit: "count",
        text: "How often an example was used: the pushes with it that every shard has applied. Over the \
               training window the uses add up to the examples applied. Counted with `record.audit`.",
    },
    Metric {
        name: "bayes_auc",
        unit: "-",
        text: "AUC of the true click probabilities on the holdout: a model can beat it only by luck. \
               Known for generated logs only.",
    },
];

/// The figure with this name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}
