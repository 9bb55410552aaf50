//! The measurements of an arm: quality at some moments after the fork.

use serde::{Deserialize, Serialize};

use crate::scenario::Job;
use crate::sim::{Progress, TrainingSession};

/// Thirds of the holdout by how often the rarest row of an example has been updated at the fork.
pub const BUCKETS: [&str; 3] = ["rare", "middle", "frequent"];

/// Quality of the server's parameters at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Updates since the fork.
    pub updates: u64,
    /// Examples since the fork.
    pub examples: u64,
    /// Simulated seconds since the fork.
    pub sim_s: f64,
    /// AUC on the reporting half of the holdout.
    pub auc: Option<f64>,
    /// AUC on the half that selects the best step. If this one falls and the other does not, the
    /// reason is the winner's curse.
    pub selection_auc: Option<f64>,
    /// Mean AUC over sessions, on the reporting half.
    pub session_auc: Option<f64>,
    /// Log-loss on the reporting half, nats.
    pub log_loss: Option<f64>,
    /// AUC on the reporting half, by [bucket](BUCKETS).
    pub by_frequency: [Option<f64>; 3],
}

/// The curve of one arm.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Curve {
    /// The arm's name.
    pub arm: String,
    /// The measurements, in order.
    pub points: Vec<CurvePoint>,
    /// SHA-256 of all weights at the end.
    pub weights: String,
    /// Why it ended too early, if it did.
    pub broke: Option<String>,
}

/// Measures a forked run.
#[derive(Clone, Debug)]
pub struct Gauge {
    fork: Progress,
    /// Examples of the reporting half, by bucket.
    buckets: [Vec<usize>; 3],
}

impl Gauge {
    /// A gauge for a job that is at the fork; `None` if there is nothing to evaluate.
    pub fn new(session: &TrainingSession) -> Option<Gauge> {
        let evaluator = &session.watch.evaluation.as_ref()?.evaluator;
        let training = session.work.training()?;
        let rarest = evaluator.rarest(training.source().schema(), training.server());
        let reports = evaluator.reports();
        let mut order: Vec<usize> = (0..evaluator.len()).filter(|&i| reports[i]).collect();
        order.sort_by_key(|&i| (rarest[i], i));
        let third = |k: usize| order[order.len() * k / 3..order.len() * (k + 1) / 3].to_vec();
        Some(Gauge { fork: session.progress, buckets: [third(0), third(1), third(2)] })
    }

    /// Where the fork was.
    pub fn fork(&self) -> &Progress {
        &self.fork
    }

    /// Counts from here instead of from the fork.
    pub fn begin_at(&mut self, progress: Progress) {
        self.fork = progress;
    }

    /// Measures the server's parameters as they are now.
    pub fn measure(&self, job: &mut Job) -> CurvePoint {
        let session = job.session_mut();
        let now = session.progress;
        let mut point = CurvePoint {
            updates: now.updates - self.fork.updates,
            examples: now.examples - self.fork.examples,
            sim_s: now.now.since(self.fork.now).seconds(),
            ..CurvePoint::default()
        };
        let (Some(training), Some(evaluation)) =
            (session.work.training_mut(), &session.watch.evaluation)
        else {
            return point;
        };
        let evaluator = &evaluation.evaluator;
        let moving = training.exported_moving();
        let (server, pool) = training.server_and_pool();
        let dense = std::sync::Arc::new(server.dense().to_vec());
        let logits = evaluator.logits(server, (dense, &moving), None, pool);
        let judged = evaluator.judge(&logits);
        point.auc = judged.quality.auc;
        point.session_auc = judged.quality.session_auc;
        point.log_loss = judged.quality.log_loss;
        point.selection_auc = judged.selection_auc;
        point.by_frequency =
            [0, 1, 2].map(|k: usize| evaluator.auc_among(&logits, &self.buckets[k]));
        point
    }
}

/// The updates after the fork at which arms are evaluated: `points` of them, from the fork to
/// `last`. They are denser near the fork.
pub fn moments(last: u64, points: u32) -> Vec<u64> {
    let at = |k: u32| {
        let share = f64::from(k) / f64::from(points - 1);
        (last as f64 * share * share).round() as u64
    };
    let mut moments: Vec<u64> = (0..points.max(2)).map(at).collect();
    moments.dedup();
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_begin_at_the_fork_and_end_at_the_last() {
        let moments = moments(2_000, 24);
        assert_eq!((moments[0], moments[1], *moments.last().unwrap()), (0, 4, 2_000));
        assert!(moments.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(super::moments(3, 50), [0, 1, 2, 3]);
    }
}
