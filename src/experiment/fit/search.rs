//! The search for how the servers divide their time.
//!
//! A candidate has four parts: which share of the overhead is the worker's own (latency, waiting
//! for a coordinator), while the rest is work at a processor that all share; how service times
//! vary; and how much more of the processor a push gets than a pull. Candidates are simulated with
//! the same seeds, so their results differ only because of their parts.

use std::path::Path;

use super::figures::Figures;
use super::log::StepLog;
use super::overhead::Overhead;
use super::predict::{StepWindow, predict};
use super::{FitError, rounded, span};
use crate::cluster::step_time::gamma;
use crate::cluster::{Discipline, StepTimeChoice};
use crate::scenario::spec::Cluster;

/// Steps that each candidate of the grid is simulated for.
const STEPS: usize = 6_000;
/// The number of steps when the best candidates are compared.
const MORE_STEPS: usize = 16_000;
/// Differences that count equally: of the histogram, of the mean and of the throughput.
const TOLERANCE: [f64; 3] = [0.08, 0.03, 0.03];

const OWN_SHARES: [f64; 3] = [0.0, 0.5, 1.0];
const VARIATIONS: [f64; 3] = [0.08, 0.2, 0.5];
const WEIGHTS: [f64; 5] = [1.0, 1.5, 2.0, 3.0, 5.0];

#[derive(Clone, Copy, PartialEq, Debug)]
struct Candidate {
    /// Share of the overhead that does not depend on other workers.
    own: f64,
    /// Variation of service times.
    variation: f64,
    /// Weight of a push.
    weight: f64,
    /// Factor of the overhead that makes the throughput right.
    scale: f64,
}

struct OverheadSearch<'a> {
    bare: &'a Cluster,
    overhead: Overhead,
    logged: Figures,
    steps: usize,
    folder: &'a Path,
}

/// The cluster with the overheads that come closest to the log.
pub(super) fn search(
    bare: &Cluster,
    overhead: Overhead,
    log: &StepLog,
    folder: &Path,
) -> Result<Cluster, FitError> {
    let search =
        OverheadSearch { bare, overhead, logged: log.figures(), steps: log.steps.len(), folder };
    let mut grid = Vec::new();
    for own in OWN_SHARES {
        for variation in VARIATIONS {
            for weight in WEIGHTS {
                if own == 1.0 && weight > 1.0 {
                    continue;
                }
                let candidate = Candidate { own, variation, weight, scale: 1.0 };
                let (score, _) = search.score(candidate, STEPS)?;
                grid.push((score, candidate));
            }
        }
    }
    grid.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best: Option<(f64, Candidate)> = None;
    for (_, candidate) in grid.into_iter().take(3) {
        let refined = search.refine(candidate)?;
        if best.is_none_or(|(score, _)| refined.0 < score) {
            best = Some(refined);
        }
    }
    let (_, candidate) = best.expect("the grid is not empty");
    Ok(search.cluster(candidate))
}

impl OverheadSearch<'_> {
    fn cluster(&self, candidate: Candidate) -> Cluster {
        let Candidate { own, variation, weight, scale } = candidate;
        let Overhead { push, pull } = self.overhead;
        let mut cluster = self.bare.clone();
        let law = StepTimeChoice::Gamma(gamma::Config { variation: rounded(variation) });
        let server = &mut cluster.server;
        server.push_fixed = span(scale * (1.0 - own) * push);
        server.pull_fixed = span(scale * (1.0 - own) * pull);
        server.law = (own < 1.0).then(|| law.clone());
        if own < 1.0 {
            server.discipline = Discipline::ProcessorSharing;
            server.push_weight = rounded(weight);
        }
        // Two messages carry a push and its answer, and two carry a request and the values.
        let latency = 0.5 * push.min(pull);
        cluster.network.latency = span(scale * own * latency);
        cluster.network.jitter = (own > 0.0).then_some(law);
        cluster.compute.between = span(scale * own * (push + pull - 4.0 * latency));
        cluster
    }

    /// How far the candidate is from the log, in tolerances, and its throughput.
    fn score(&self, candidate: Candidate, steps: usize) -> Result<(f64, f64), FitError> {
        let window = StepWindow::of(0, self.steps, steps);
        let figures = predict(&self.cluster(candidate), window, self.folder)?;
        let off = |a: f64, b: f64| a / b - 1.0;
        let mean = match (figures.mean(), self.logged.mean()) {
            (Some(predicted), Some(logged)) if logged > 0.0 => off(predicted, logged),
            _ => 0.0,
        };
        let throughput = figures.throughput();
        let errors = [
            figures.distance(&self.logged).unwrap_or(0.0),
            mean,
            off(throughput, self.logged.throughput()),
        ];
        let squares = errors.iter().zip(TOLERANCE).map(|(error, t)| (error / t) * (error / t));
        Ok((squares.sum(), throughput))
    }

    /// Sets the scale so that the throughput is right.
    fn calibrate(&self, mut candidate: Candidate) -> Result<(f64, Candidate), FitError> {
        let workers = f64::from(self.bare.workers);
        let logged = workers / self.logged.throughput();
        let overhead = self.overhead.push + self.overhead.pull;
        let mut best: Option<(f64, Candidate)> = None;
        for _ in 0..3 {
            let (score, throughput) = self.score(candidate, MORE_STEPS)?;
            if best.is_none_or(|(least, _)| score < least) {
                best = Some((score, candidate));
            }
            // A delay makes a step longer by at least the delay.
            let short = logged - workers / throughput;
            candidate.scale = (candidate.scale + 0.7 * short / overhead).clamp(0.1, 4.0);
        }
        Ok(best.expect("there were rounds"))
    }

    /// Searches from a candidate of the grid for better ones nearby.
    fn refine(&self, candidate: Candidate) -> Result<(f64, Candidate), FitError> {
        let mut best = self.calibrate(candidate)?;
        if candidate.own == 1.0 {
            return Ok(best);
        }
        for factor in [1.3, 1.15] {
            let Candidate { variation, weight, .. } = best.1;
            for (v, w) in [(1.0, factor), (1.0, 1.0 / factor), (factor, 1.0), (1.0 / factor, 1.0)] {
                let near = Candidate { variation: variation * v, weight: weight * w, ..best.1 };
                let (score, _) = self.score(near, MORE_STEPS)?;
                if score < best.0 {
                    best = (score, near);
                }
            }
        }
        let last = self.calibrate(best.1)?;
        Ok(if last.0 < best.0 { last } else { best })
    }
}
