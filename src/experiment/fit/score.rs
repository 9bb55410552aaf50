//! How far the simulation of some servers is from what was logged.

use std::path::Path;

use super::FitError;
use super::figures::Figures;
use super::predict::{StepWindow, predict};
use super::servers::Servers;
use crate::scenario::spec::Cluster;

/// Differences that count equally: of the histogram of staleness, of its mean, of the throughput, of
/// the curves of pushes and of pulls, and of how far workers catch up with those before them.
const TOLERANCE: [f64; TERMS] = [0.08, 0.03, 0.03, 0.1, 0.07, 0.03];
/// Terms of a score.
pub(super) const TERMS: usize = 6;

/// One log of the job: its machines, and what was logged.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Case {
    /// The cluster without servers.
    pub(super) bare: Cluster,
    /// What was logged.
    pub(super) logged: Figures,
    /// Steps of the log.
    pub(super) steps: usize,
}

impl Case {
    /// Simulates about `steps` steps of this job, from its start, with these servers.
    pub(super) fn simulate(
        &self,
        servers: &Servers,
        steps: usize,
        folder: &Path,
    ) -> Result<Figures, FitError> {
        predict(&servers.of(&self.bare), StepWindow::of(0, self.steps, steps), folder)
    }

    /// The scores that these servers would get on logs of this length that they made themselves,
    /// the mean over a few: what is left to chance.
    pub(super) fn chance(
        &self,
        servers: &Servers,
        steps: usize,
        folder: &Path,
    ) -> Result<f64, FitError> {
        const LOGS: u64 = 4;
        let cluster = servers.of(&self.bare);
        let truth = self.simulate(servers, steps, folder)?;
        let mut sum = 0.0;
        for k in 0..LOGS {
            let window =
                StepWindow { first: 1_000 + k, seeds: 1, ..StepWindow::of(0, self.steps, 1) };
            sum += score(&truth, &predict(&cluster, window, folder)?);
        }
        Ok(sum / LOGS as f64)
    }
}

/// How far predicted figures are from logged ones, in tolerances: the sum of squares.
pub(super) fn score(predicted: &Figures, logged: &Figures) -> f64 {
    let off = |a: f64, b: f64| a / b - 1.0;
    let mean = match (predicted.mean(), logged.mean()) {
        (Some(predicted), Some(logged)) if logged > 0.0 => off(predicted, logged),
        _ => 0.0,
    };
    let [push, pull] = predicted.curve.differs(&logged.curve);
    let errors = [
        predicted.distance(logged).unwrap_or(0.0),
        mean,
        off(predicted.throughput(), logged.throughput()),
        push,
        pull,
        predicted.curve.order.differs(&logged.curve.order),
    ];
    errors.iter().zip(TOLERANCE).map(|(error, t)| (error / t) * (error / t)).sum()
}
