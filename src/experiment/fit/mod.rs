//! A cluster fitted to a log of a real job: machine classes, step-time laws, overheads.
//!
//! Step times and classes are read off the log, and so is the time of a step at the servers
//! (`overhead`). The log does not show how the servers divide their time among workers that come at
//! the same moment. This decides whether workers of equal speed drift apart or clump, and so the
//! mean staleness. It is found by simulation: of a grid of candidates, the one is chosen whose run
//! comes closest to the log in throughput and staleness. It is then refined.

pub mod classes;
pub mod figures;
pub mod laws;
pub mod log;
pub mod overhead;
pub mod predict;
mod search;
pub mod steady;
pub mod whatif;

use std::path::{Path, PathBuf};

use crate::base::{SimSpan, counted};
use crate::cluster::step_time::{constant, trace};
use crate::cluster::{Compute, MachineClass, StartChoice, StepTimeChoice, start};
use crate::scenario::spec::Cluster;

use classes::SpeedGroup;
use figures::Figures;
use log::StepLog;
use overhead::Overhead;
use predict::{StepWindow, predict};

/// Why a log cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The file cannot be opened.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A requested column is missing.
    #[error("no column \"{name}\"; the header has {known}")]
    Column {
        /// Its name.
        name: String,
        /// The columns of the file.
        known: String,
    },
    /// A needed column was not found.
    #[error("no column has {what}: name it with {flag}; the header has {known}")]
    Missing {
        /// What the column contains.
        what: &'static str,
        /// The flag that names it.
        flag: &'static str,
        /// The columns of the file.
        known: String,
    },
    /// A malformed row.
    #[error("line {line}: {problem}")]
    Row {
        /// Physical line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The log is too short to fit anything.
    #[error(
        "the log has {}: at least 10, and two of each worker, are needed",
        counted(*steps, "step", "steps")
    )]
    Short {
        /// Steps in the log.
        steps: usize,
    },
    /// A trace cannot be written.
    #[error("cannot write {path}: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The fitted cluster cannot be simulated.
    #[error("the fitted cluster cannot be simulated: {0}")]
    Simulation(String),
}

/// A fitted cluster.
#[derive(Clone, PartialEq, Debug)]
pub struct Fitted {
    /// The cluster.
    pub cluster: Cluster,
    /// The machine classes, the fastest first.
    pub groups: Vec<SpeedGroup>,
    /// The law of each.
    pub laws: Vec<StepTimeChoice>,
}

/// Where step times that no law describes are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traces {
    /// The folder, which is the same as the fragment's.
    pub folder: PathBuf,
    /// The beginning of their names.
    pub stem: String,
}

/// Fits a cluster to the log. Each worker keeps its own mean step time, whether that comes from its
/// machine or from chance, unless they are `pooled`.
///
/// # Errors
/// If a trace cannot be written or the cluster cannot be simulated.
pub fn fit(log: &StepLog, pooled: bool, traces: Option<&Traces>) -> Result<Fitted, FitError> {
    let groups = classes::classes(log);
    let laws = groups
        .iter()
        .enumerate()
        .map(|(number, group)| law_of(group, number, traces))
        .collect::<Result<Vec<_>, _>>()?;
    let bare = cluster(log, &groups, &laws, pooled);
    let folder = traces.map_or_else(|| PathBuf::from("."), |traces| traces.folder.clone());
    let cluster = match overhead::overhead(log) {
        none if none == Overhead::default() => bare,
        overhead => search::search(&bare, overhead, log, &folder)?,
    };
    Ok(Fitted { cluster, groups, laws })
}

/// Predicts the steps `from..to` of a job from its start: about `steps` steps in all, over seeds.
///
/// # Errors
/// If the cluster cannot be simulated.
pub fn judge(
    fitted: &Fitted,
    (from, to): (usize, usize),
    steps: usize,
    folder: &Path,
) -> Result<Figures, FitError> {
    predict(&fitted.cluster, StepWindow::of(from, to, steps), folder)
}

/// If the distribution functions differ by more than this share, and significantly, the times
/// themselves are used.
const MISFIT: f64 = 0.05;

fn law_of(
    group: &SpeedGroup,
    number: usize,
    traces: Option<&Traces>,
) -> Result<StepTimeChoice, FitError> {
    let fitted = laws::fit_laws(&group.times);
    let best = fitted.into_iter().next().map_or(constant_law(), |fitted| fitted.law);
    let Some(traces) = traces else { return Ok(best) };
    let noise = 2.0 / (group.times.len() as f64).sqrt();
    if laws::misfit(&group.times, &best) <= MISFIT.max(noise) {
        return Ok(best);
    }
    let name = format!("{}-class-{}.csv", traces.stem, number + 1);
    let path = traces.folder.join(&name);
    let mut text = String::from("seconds\n");
    for time in &group.times {
        text.push_str(&format!("{time:.9}\n"));
    }
    std::fs::write(&path, text)
        .map_err(|error| FitError::Unwritable { path: path.clone(), reason: error.to_string() })?;
    Ok(StepTimeChoice::Trace(trace::Config {
        file: name.into(),
        seconds: "seconds".into(),
        worker: None,
        mode: trace::TraceMode::Resample,
    }))
}

fn constant_law() -> StepTimeChoice {
    StepTimeChoice::Constant(constant::Config {})
}

/// A span to the microsecond: as exact as a log, and easier to read.
fn span(seconds: f64) -> SimSpan {
    SimSpan((seconds.max(0.0) * 1e6).round() as u64 * 1_000)
}

/// The value with six digits after the decimal point.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The cluster without overheads.
fn cluster(log: &StepLog, groups: &[SpeedGroup], laws: &[StepTimeChoice], pooled: bool) -> Cluster {
    let largest = (0..groups.len()).rev().max_by_key(|&g| groups[g].workers.len()).unwrap_or(0);
    let base = groups[largest].mean();
    let workers: usize = groups.iter().map(|group| group.workers.len()).sum();
    let steps = log.by_worker();
    let own = |worker: usize, group: &SpeedGroup| {
        let total: f64 = steps[worker].iter().map(|step| step.compute).sum();
        let relative = total / steps[worker].len() as f64 / group.mean();
        rounded(relative)
    };
    let class = |(number, (group, law)): (usize, (&SpeedGroup, &StepTimeChoice))| MachineClass {
        name: format!("class-{}", number + 1),
        share: Some(group.workers.len() as f64 / workers as f64),
        slowdown: if law.scales() { rounded(group.mean() / base) } else { 1.0 },
        spread: 0.0,
        law: Some(law.clone()),
        workers: group.workers.iter().map(|&worker| worker as u32).collect(),
        // A trace is replayed as it is. For one worker the mean is the class's.
        own: match pooled || !law.scales() || group.workers.len() == 1 {
            true => Vec::new(),
            false => group.workers.iter().map(|&worker| own(worker, group)).collect(),
        },
    };
    let mean: f64 = log.steps.iter().map(|step| step.compute).sum::<f64>() / log.steps.len() as f64;
    let start = if log.start_spread > 0.2 * mean {
        let within = span(log.start_spread);
        StartChoice::Scattered(start::Scattered { within })
    } else {
        StartChoice::default()
    };
    Cluster {
        workers: log.workers.len() as u32,
        start,
        compute: Compute {
            fixed: span(base),
            per_example: SimSpan::ZERO,
            law: laws[largest].clone(),
            between: SimSpan::ZERO,
        },
        class: match groups {
            [_] if pooled => Vec::new(),
            _ => groups.iter().zip(laws).enumerate().map(class).collect(),
        },
        ..Cluster::default()
    }
}
