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

use serde::Serialize;

use crate::base::{SimSpan, counted};
use crate::cluster::step_time::{constant, trace};
use crate::cluster::{Compute, MachineClass, StartChoice, StepTimeChoice, start};
use crate::results::folder::write_atomically;
use crate::scenario::Scenario;
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
    /// The times of the log are none.
    #[error("{0}")]
    Times(String),
    /// A trace would overwrite a file.
    #[error(
        "{path} exists already, and nothing was written; use another name, or --force to overwrite it"
    )]
    Exists {
        /// The file.
        path: PathBuf,
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
    /// Whether existing files are overwritten.
    pub overwrite: bool,
}

/// The fragment of a scenario.
#[derive(Serialize)]
struct Fragment<'a> {
    cluster: &'a Cluster,
}

impl Fitted {
    /// The `[cluster]` table of a scenario, which `check` accepts.
    ///
    /// # Errors
    /// If it would not accept it.
    pub fn to_toml(&self) -> Result<String, FitError> {
        let refused = |why: &dyn std::fmt::Display| FitError::Simulation(why.to_string());
        let table = toml::Table::try_from(Fragment { cluster: &self.cluster })
            .and_then(|table| toml::to_string(&table))
            .map_err(|error| refused(&error))?;
        let whole = format!("timing_only = {{}}\ntrain.stop.updates = 1000\n{table}");
        Scenario::from_text(&whole).map_err(|problems| refused(&problems))?;
        Ok(table)
    }
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
    if path.exists() && !traces.overwrite {
        return Err(FitError::Exists { path });
    }
    write_atomically(&path, text.as_bytes())
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

/// A span to the microsecond: as exact as a log, and easier to read. A short one is exact to the
/// nanosecond.
fn span(seconds: f64) -> SimSpan {
    match seconds.max(0.0) {
        short if short < 1e-3 => SimSpan((short * 1e9).round() as u64),
        long => SimSpan((long * 1e6).round() as u64 * 1_000),
    }
}

/// The value with six digits: after the decimal point, or from the first that is not zero.
fn rounded(value: f64) -> f64 {
    match value.abs() {
        tiny if tiny > 0.0 && tiny < 0.1 => format!("{value:.5e}").parse().unwrap_or(value),
        _ => (value * 1e6).round() / 1e6,
    }
}

/// The cluster without overheads.
fn cluster(log: &StepLog, groups: &[SpeedGroup], laws: &[StepTimeChoice], pooled: bool) -> Cluster {
    let largest = (0..groups.len()).rev().max_by_key(|&g| groups[g].workers.len()).unwrap_or(0);
    // Classes are at most a thousand times as fast as the base time, and a million times as slow.
    let fastest = groups.iter().map(SpeedGroup::mean).fold(f64::INFINITY, f64::min);
    let base = groups[largest].mean().min(500.0 * fastest);
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

#[cfg(test)]
mod tests {
    use super::log::Columns;
    use super::whatif::FittedJob;
    use super::*;
    use crate::base::stream::{mix, unit};
    use crate::protocol::ProtocolChoice;

    /// An odd log: times over many orders of magnitude, zeros, equal times, few steps.
    fn odd(case: u64, timed: bool) -> String {
        let draw = |what: u64| unit(mix(mix(case) ^ what));
        let workers = 1 + (draw(1) * 5.0) as u64;
        let steps = 10 + (draw(2) * 40.0) as u64;
        let scale = libm::exp10(-6.5 + 11.0 * draw(3));
        let mut now = vec![0.0; workers as usize];
        let head =
            if timed { "worker,step,t_pull1,t_push0,t_push1" } else { "worker,step,seconds" };
        let mut text = format!("{head}\n");
        for row in 0..steps * workers {
            let (worker, step) = (row % workers, row / workers);
            let draw = |what: u64| unit(mix(mix(case) ^ mix(1000 + row) ^ what));
            let own = if draw(4) < 0.3 { 1.0 } else { libm::exp10(-4.0 * draw(5)) };
            let own = own * if worker == 1 { 1e-6 } else { 1.0 };
            let time = if case.is_multiple_of(3) && draw(6) < 0.3 { 0.0 } else { scale * own };
            let time = if case.is_multiple_of(5) { scale } else { time };
            if timed {
                let begin = now[worker as usize] + scale * draw(7) * draw(8);
                let push = begin + time + scale * 0.2 * draw(9);
                now[worker as usize] = push;
                text.push_str(&format!("{worker},{step},{begin:e},{:e},{push:e}\n", begin + time));
            } else {
                text.push_str(&format!("{worker},{step},{time:e}\n"));
            }
        }
        text
    }

    fn holds(text: &str) -> bool {
        let Ok(log) = StepLog::parse(text.as_bytes(), &Columns::default()) else { return false };
        let timed = log.is_timed();
        for log in [log.part(0, log.steps.len() / 2), log] {
            let folder = tempfile::tempdir().unwrap();
            let traces =
                Traces { folder: folder.path().into(), stem: "c".into(), overwrite: false };
            let ways = [(false, Some(&traces)), (true, None)];
            for (pooled, traces) in ways.into_iter().take(if timed { 1 } else { 2 }) {
                let fitted = fit(&log, pooled, traces).unwrap();
                fitted.to_toml().unwrap_or_else(|error| panic!("{error}\nof\n{text}"));
                let figures = judge(&fitted, (0, 100), 200, folder.path()).unwrap();
                assert!(figures.throughput().is_finite(), "{text}");
            }
        }
        true
    }

    #[test]
    fn what_is_fitted_to_an_odd_log_is_accepted() {
        let held = (0..60).filter(|case| holds(&odd(*case, false))).count();
        assert!(held > 20, "{held}");
    }

    /// Overheads are searched for by simulation, which takes longer.
    #[test]
    fn what_is_fitted_to_an_odd_log_with_instants_is_accepted() {
        let held = (0..20).filter(|case| holds(&odd(*case, true))).take(2).count();
        assert_eq!(held, 2);
    }

    #[test]
    fn a_trace_does_not_overwrite_a_file() {
        // Two humps, which no law has.
        let mut text = String::from("worker,seconds\n");
        (0..1000).for_each(|k| text.push_str(if k % 2 == 0 { "0,0.1\n" } else { "0,1\n" }));
        let log = StepLog::parse(text.as_bytes(), &Columns::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut traces =
            Traces { folder: folder.path().into(), stem: "c".into(), overwrite: false };
        let fitted = fit(&log, false, Some(&traces)).unwrap();
        let job = FittedJob { cluster: fitted.cluster, protocol: ProtocolChoice::default() };
        let found = job.predict(folder.path()).unwrap();
        assert!((found.throughput * 0.55 - 1.0).abs() < 0.03, "{found:?}");
        assert!(matches!(fit(&log, false, Some(&traces)), Err(FitError::Exists { .. })));
        traces.overwrite = true;
        fit(&log, false, Some(&traces)).unwrap();
    }
}
