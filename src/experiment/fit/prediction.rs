//! Predictions with intervals.
//!
//! An interval has four parts: servers that the logs do not tell apart, their speed, which is
//! another one in another run as it wanders during a log, means of step times that a log of finite
//! length knows only so well, and chance in a run of the predicted job, which is as long as the log.
//! Every run has other servers, another speed of them, other means and another seed.

use std::path::Path;

use super::figures::Figures;
use super::predict::StepWindow;
use super::servers::Servers;
use super::whatif::{Change, FittedJob};
use super::{FitError, Fitted, machines::Own};
use crate::base::{Purpose, Streams, WorkerId};
use crate::cluster::machine::class_of;
use crate::protocol::ProtocolChoice;

/// Runs of a prediction.
const RUNS: usize = 32;
/// The longest run in steps, unless that leaves fewer than `ROUNDS` for each worker.
const LONGEST: u64 = 60_000;
const ROUNDS: u64 = 30;
/// Servers whose speed wanders by more are no servers of one speed; the runs do not follow.
const MOST_DRIFT: f64 = 0.5;

/// The middle of several runs, and what nine in ten of them lie between.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The mean.
    pub middle: f64,
    /// A twentieth of the runs is below.
    pub low: f64,
    /// A twentieth of the runs is above.
    pub high: f64,
}

impl Interval {
    /// The interval of some values; `None` without any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Interval> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| values[(share * last as f64).round() as usize];
        let middle = values.iter().sum::<f64>() / values.len() as f64;
        Some(Interval { middle, low: at(0.05), high: at(0.95) })
    }
}

/// What is predicted for a job.
#[derive(Clone, PartialEq, Debug)]
pub struct Prediction {
    /// Workers.
    pub workers: u32,
    /// Steps per second of all workers together.
    pub throughput: Interval,
    /// Mean staleness, in updates.
    pub staleness: Interval,
    /// The machine classes: the place of each among those of the log, its workers, and their mean
    /// staleness.
    pub classes: Vec<(usize, u32, Interval)>,
    /// All steps of all runs.
    pub figures: Figures,
}

/// The job of one of the logs after changes, with other servers than the best if wanted.
pub fn job(
    fitted: &Fitted,
    log: usize,
    servers: Option<&Servers>,
    changes: &[Change],
) -> FittedJob {
    // Chance does not come along to another number of workers.
    let resized = changes.iter().any(|change| matches!(change, Change::Workers(_)));
    let own = if resized && fitted.own == Own::Each { Own::Lasting } else { fitted.own };
    let bare = fitted.machines[log].cluster(own);
    let best = fitted.servers.as_ref().map(|servers| &servers.best);
    let cluster = match servers.or(best) {
        Some(servers) => servers.of(&bare),
        None => bare,
    };
    let job = FittedJob { cluster, protocol: ProtocolChoice::default() };
    changes.iter().cloned().fold(job, FittedJob::with)
}

/// Predicts the job of a log after changes, over as many steps of each worker as the log has.
///
/// # Errors
/// If it cannot be simulated.
pub fn predict_changed(
    fitted: &Fitted,
    log: usize,
    changes: &[Change],
    steps: usize,
    folder: &Path,
) -> Result<Prediction, FitError> {
    let best = job(fitted, log, None, changes);
    let workers = best.cluster.workers;
    let logged = u64::from(fitted.clusters[log].workers);
    let steps = (steps as u64 * u64::from(workers)).div_ceil(logged);
    let steps = steps.min(LONGEST.max(ROUNDS * u64::from(workers)));
    let classes: Vec<usize> =
        (0..workers).map(|worker| class_of(WorkerId(worker), &best.cluster.class)).collect();
    let mut all = Figures::new(workers as usize);
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let servers = fitted.servers.as_ref().map(|servers| &servers.members);
        let servers = servers.map(|members| {
            let drift = fitted.servers.as_ref().map_or(0.0, |servers| servers.drift);
            let factor = libm::exp(drift.min(MOST_DRIFT) * normal(number as u64, 0));
            members[number % members.len()].slower(factor)
        });
        let mut job = job(fitted, log, servers.as_ref(), changes);
        blur(fitted, log, &mut job, number as u64);
        let first = 1 + number as u64;
        let window = StepWindow { from: 0, to: steps, first, seeds: 1 };
        let figures = job.figures(window, folder)?;
        all.add(&figures);
        runs.push(figures);
    }
    let of = |figure: &dyn Fn(&Figures) -> f64| {
        Interval::of(runs.iter().map(figure)).expect("there were runs")
    };
    let mut by_class = Vec::new();
    for (place, class) in best.cluster.class.iter().enumerate() {
        let members: Vec<usize> =
            (0..classes.len()).filter(|&worker| classes[worker] == place).collect();
        let staleness = of(&|figures| figures.mean_over(&members).unwrap_or(0.0));
        let number = fitted.clusters[log].class.iter().position(|own| own.name == class.name);
        by_class.push((number.unwrap_or(place), members.len() as u32, staleness));
    }
    Ok(Prediction {
        workers,
        throughput: of(&Figures::throughput),
        staleness: of(&|figures| figures.mean().unwrap_or(0.0)),
        classes: by_class,
        figures: all,
    })
}

/// A number of a run with a normal distribution of variance 1.
fn normal(run: u64, which: u64) -> f64 {
    let uniform = |count| Streams::new(2).uniform(Purpose::Custom, run, 2 * which + count);
    let (a, b) = (1.0 - uniform(0), uniform(1));
    (-2.0 * libm::log(a)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * b)
}

/// Moves the mean step time of each class by what the log leaves open.
fn blur(fitted: &Fitted, log: usize, job: &mut FittedJob, run: u64) {
    let machines = &fitted.machines[log];
    let names: Vec<&str> =
        fitted.clusters[log].class.iter().map(|class| class.name.as_str()).collect();
    for class in &mut job.cluster.class {
        if let Some(number) = names.iter().position(|name| *name == class.name) {
            let factor = 1.0 + machines.uncertainty(number) * normal(run, 1 + number as u64);
            if class.law.as_ref().is_none_or(|law| law.scales()) {
                class.slowdown = (class.slowdown * factor.clamp(0.5, 1.5)).clamp(0.001, 1e6);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_leaves_out_a_tenth() {
        let found = Interval::of((0..=100).map(f64::from)).unwrap();
        assert_eq!(found, Interval { middle: 50.0, low: 5.0, high: 95.0 });
        assert_eq!(Interval::of([]), None);
    }
}
