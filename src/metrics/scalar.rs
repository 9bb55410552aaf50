//! The figures that describe a whole run: one number each, under the same name everywhere (tables
//! of sweeps, comparisons, expectations, reports), with its unit and the direction that is good.

/// Which direction is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither; it describes the run.
    Neither,
}

/// Which values a figure can have, which decides how its interval is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FigureRange {
    /// Any number above zero, such as a time, a count or a loss.
    Positive,
    /// Numbers between two bounds, such as a share or an AUC.
    Bounded,
}

/// One figure of a whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scalar {
    /// Its name, dotted.
    pub name: &'static str,
    /// Its unit; `-` if it has none.
    pub unit: &'static str,
    /// Which direction is good.
    pub better: Better,
    /// Its definition.
    pub text: &'static str,
}

impl Scalar {
    /// Whether it is a quality on the holdout, and so not comparable between different holdouts.
    pub fn is_quality(&self) -> bool {
        is_quality(self.name)
    }
}

/// The range of the figure with this name, of a run or of an evaluation.
pub fn range(name: &str) -> FigureRange {
    let is_share = find(name).is_some_and(|scalar| scalar.unit == "share");
    if is_share || name.ends_with("auc") { FigureRange::Bounded } else { FigureRange::Positive }
}

/// Whether the figure with this name is measured on the holdout.
pub fn is_quality(name: &str) -> bool {
    ["best.", "last.", "bayes."].iter().any(|stem| name.starts_with(stem))
}

const fn higher(name: &'static str, unit: &'static str, text: &'static str) -> Scalar {
    Scalar { name, unit, better: Better::Higher, text }
}

const fn lower(name: &'static str, unit: &'static str, text: &'static str) -> Scalar {
    Scalar { name, unit, better: Better::Lower, text }
}

const fn plain(name: &'static str, unit: &'static str, text: &'static str) -> Scalar {
    Scalar { name, unit, better: Better::Neither, text }
}

/// All figures, in the order of tables.
pub const SCALARS: &[Scalar] = &[
    higher(
        "best.auc",
        "-",
        "AUC at the best step, which is chosen on the other half of the holdout.",
    ),
    higher("best.session_auc", "-", "Session AUC at the best step."),
    lower("best.log_loss", "nats", "Log-loss at the best step."),
    lower("best.normalised_entropy", "-", "Normalised entropy at the best step."),
    plain("best.calibration", "-", "Calibration at the best step; 1 is ideal."),
    plain(
        "best.unknown_ids",
        "share",
        "Share of the holdout's ids that the model had not met at the best step.",
    ),
    plain("best.update", "updates", "Updates applied before the best step."),
    plain("best.examples", "examples", "Examples trained on before the best step."),
    lower("best.sim_s", "simulated s", "The virtual clock at the best step."),
    higher("last.auc", "-", "AUC of the last evaluation."),
    higher("last.session_auc", "-", "Session AUC of the last evaluation."),
    lower("last.log_loss", "nats", "Log-loss of the last evaluation."),
    lower("last.normalised_entropy", "-", "Normalised entropy of the last evaluation."),
    plain("last.calibration", "-", "Calibration of the last evaluation; 1 is ideal."),
    plain(
        "last.unknown_ids",
        "share",
        "Share of the holdout's ids that the model has not met at the last evaluation.",
    ),
    plain("last.update", "updates", "Updates applied before the last evaluation."),
    plain("last.examples", "examples", "Examples trained on before the last evaluation."),
    plain("last.sim_s", "simulated s", "The virtual clock at the last evaluation."),
    lower("sim_s", "simulated s", "The virtual clock at the end."),
    lower(
        "worker_s",
        "worker-seconds",
        "Number of workers times `sim_s`: what the run costs when machines are paid by time.",
    ),
    higher("examples_per_sim_s", "examples/s", "Examples trained on per simulated second."),
    plain("updates", "updates", "Updates that every shard has applied."),
    plain("pushes", "pushes", "Pushes applied."),
    plain("discarded", "pushes", "Pushes discarded by at least one shard."),
    plain("aborted", "steps", "Steps that the protocol aborted."),
    plain("examples", "examples", "Examples in the applied pushes."),
    plain("passes", "-", "Passes over the training window."),
    plain("events", "events", "Events simulated."),
    lower("staleness.mean", "updates", "Mean staleness of the applied pushes."),
    lower("staleness.p50", "updates", "Median staleness of the applied pushes."),
    lower("staleness.p99", "updates", "99th percentile of the staleness of the applied pushes."),
    lower("staleness.max", "updates", "Largest staleness of an applied push."),
    lower(
        "mixed_reads",
        "share",
        "Share of pulls that read different versions at different shards.",
    ),
    lower("age_mean_s", "simulated s", "Mean age of the applied pushes."),
    lower("gap_mean", "-", "Mean gap between view and server, where it was measured."),
    higher(
        "utilisation.busy",
        "share",
        "Share of the workers' time spent computing. The largest of the shares named `utilisation` is the \
         bottleneck of a run, unless a shard or its link is busy nearly all the time.",
    ),
    lower("utilisation.network", "share", "Share of the workers' time with messages on the way."),
    lower("utilisation.queued", "share", "Share of the workers' time in the queues of shards."),
    lower("utilisation.served", "share", "Share of the workers' time being served by shards."),
    lower("utilisation.held", "share", "Share of the workers' time held by the protocol."),
    lower(
        "utilisation.waiting",
        "share",
        "Share of the workers' time before the start, between steps or waiting for a checkpoint.",
    ),
    lower(
        "utilisation.starved",
        "share",
        "Share of the workers' time waiting for examples of a live stream, with `[online]`.",
    ),
    plain("server.busy", "share", "Share of the time in which the busiest shard served requests."),
    plain(
        "server.link_busy",
        "share",
        "Share of the time in which messages passed the busiest link of a shard.",
    ),
    lower(
        "tables.rows",
        "rows",
        "Embedding rows that are there at the end, in all tables, where rows come and go or are found \
         through a hash table; in a dry run of eviction, those that would be there.",
    ),
    lower(
        "tables.bytes",
        "bytes",
        "Weights, optimizer state and a key of 8 bytes of each of them.",
    ),
    plain("tables.waiting", "count", "Ids that have been met and are not admitted at the end."),
    plain("tables.too_early", "rows", "Rows admitted before they had occurred often enough."),
    plain("tables.evicted", "rows", "Rows evicted, or counted by a dry run, with `[eviction]`."),
    plain("tables.returned", "rows", "Rows that came back after an eviction."),
    plain("tables.late", "count", "Gradients for rows that were evicted after their pull."),
    plain("shard_failures.failures", "count", "Crashes of shards, where shards can fail."),
    lower("shard_failures.down", "share", "Share of the shards' time in which they were down."),
    lower(
        "shard_failures.updates_lost",
        "updates",
        "Updates that shards lost through failures, or never got, added up.",
    ),
    lower(
        "shard_failures.examples_lost",
        "examples",
        "Examples whose effect is lost; one that a tenth of the shards lost counts as a tenth.",
    ),
    lower("shard_failures.steps_lost", "steps", "Steps of workers that failures of shards ended."),
    lower(
        "shard_failures.stale_rows",
        "rows",
        "Rows that a shard returned with older values in than its checkpoint had.",
    ),
    lower(
        "shard_failures.anew",
        "count",
        "Returns with what a shard had at the start of the run, since no checkpoint had been due.",
    ),
    plain("stream.requests", "requests", "Requests of the live stream that have come."),
    plain("stream.taken", "examples", "Examples that workers have taken of it."),
    lower(
        "stream.missed",
        "share",
        "Share of the positive requests that were not emitted as positive within their window: their \
         action or features came too late, never, or not yet.",
    ),
    lower(
        "stream.dropped",
        "share",
        "Share of the joined examples that were dropped because the queue was full.",
    ),
    plain("stream.queue_longest", "examples", "The most examples that have waited for workers."),
    lower(
        "stream.queue_lag_s",
        "simulated s",
        "Mean time from a request to the moment at which a worker took its example.",
    ),
    lower(
        "stream.update_lag_s",
        "simulated s",
        "Mean time from a request to the update with its example.",
    ),
    lower("stream.update_lag_max_s", "simulated s", "The longest such time."),
    plain(
        "served.scored",
        "requests",
        "Requests that copies of the model have scored, with `[serving]`.",
    ),
    higher("served.auc", "-", "AUC of what the serving copy served in the whole run."),
    higher("served.session_auc", "-", "Session AUC of what the serving copy served."),
    lower("served.log_loss", "nats", "Log-loss of what the serving copy served."),
    lower("served.normalised_entropy", "-", "Normalised entropy of what the serving copy served."),
    plain("served.calibration", "-", "Calibration of what the serving copy served; 1 is ideal."),
    lower(
        "served.gap_to_oracle",
        "-",
        "AUC that the training servers' own parameters would have served minus that of the serving copy.",
    ),
    higher(
        "served.gain_on_batch",
        "-",
        "AUC of the serving copy minus that of the parameters with which the run started.",
    ),
    lower(
        "served.stale",
        "share",
        "Share of the scored requests with a row that had been updated since the copy's values of it were read.",
    ),
    lower(
        "served.row_lag_s",
        "simulated s",
        "Mean time from the first of these updates to the request.",
    ),
    lower("served.dense_age_s", "simulated s", "Mean age of the serving copy's dense parameters."),
    lower(
        "served.bytes_per_min",
        "bytes/min",
        "Bytes sent to the serving copy per simulated minute.",
    ),
    lower("loss", "nats", "Mean training loss of the last interval."),
    lower("divergence", "-", "Last mean distance of the views from the server, over dense layers."),
    plain("bayes.auc", "-", "AUC of the true probabilities, where they are known."),
    plain("bayes.session_auc", "-", "Session AUC of the true probabilities."),
    plain("bayes.log_loss", "nats", "Log-loss of the true probabilities."),
    plain("bayes.normalised_entropy", "-", "Normalised entropy of the true probabilities."),
    plain("bayes.calibration", "-", "Calibration of the true probabilities."),
];

/// The figure with this name.
pub fn find(name: &str) -> Option<&'static Scalar> {
    SCALARS.iter().find(|scalar| scalar.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_quality_is_told_from_the_rest() {
        for (index, scalar) in SCALARS.iter().enumerate() {
            assert!(SCALARS[..index].iter().all(|other| other.name != scalar.name));
            assert!(scalar.text.ends_with('.') || scalar.text.ends_with("ideal."));
        }
        assert!(find("best.auc").unwrap().is_quality());
        assert!(!find("staleness.mean").unwrap().is_quality());
        assert!(find("auc").is_none());
        for (name, wanted) in [
            ("best.auc", FigureRange::Bounded),
            ("session_auc", FigureRange::Bounded),
            ("utilisation.busy", FigureRange::Bounded),
            ("sim_s", FigureRange::Positive),
            ("log_loss", FigureRange::Positive),
        ] {
            assert_eq!(range(name), wanted, "{name}");
        }
    }
}
