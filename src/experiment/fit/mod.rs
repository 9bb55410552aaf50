//! A cluster fitted to a log of a real job: machine classes, step-time laws, overheads.
//!
//! Step times and classes are read off the log (`machines`), and so is the time at the servers alone
//! and in company (`overhead`, `stays`). The log does not show directly how the servers divide their
//! time among workers that come at the same moment. This decides whether workers of equal speed
//! drift apart or clump, and how the job would go with more of them. It is found by simulation
//! (`search`): the servers are chosen whose runs come closest to all logs of the job, in throughput,
//! staleness and times at the servers. What the logs cannot tell is kept as a list of servers that
//! do as well; a prediction is made with all of them.

mod candidate;
pub mod classes;
pub mod clean;
pub mod columns;
mod ensemble;
pub mod figures;
pub mod laws;
pub mod log;
pub mod machines;
pub mod order;
pub mod overhead;
pub mod predict;
pub mod prediction;
pub mod refusals;
pub mod remarks;
pub mod rows;
pub mod scenario;
mod score;
mod search;
pub mod servers;
mod simplex;
mod size;
pub mod stay;
pub mod stays;
pub mod steady;
pub mod step;
pub mod whatif;

use std::path::{Path, PathBuf};

use crate::base::{SimSpan, counted};
use crate::scenario::spec::Cluster;

use figures::Figures;
use log::StepLog;
use machines::{Machines, Own, Traces};
use predict::{StepWindow, predict};
use score::Case;
use search::Search;
use servers::Servers;

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
    /// Rows that cannot be right.
    #[error(
        "{first} ({}; --clean leaves {} out)",
        counted(*wrong, "row of the log cannot be right", "rows of the log cannot be right"),
        if *wrong == 1 { "it" } else { "them" }
    )]
    Rows {
        /// What is wrong with the first.
        first: Box<FitError>,
        /// How many there are.
        wrong: u64,
    },
    /// A log that is not what a fit takes it for.
    #[error("{0}")]
    Unfit(String),
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

/// A cluster fitted to a log, or to several logs of one job.
#[derive(Clone, PartialEq, Debug)]
pub struct Fitted {
    /// Which mean step times the workers of a class have.
    pub own: Own,
    /// The machines of each log.
    pub machines: Vec<Machines>,
    /// The cluster of each log.
    pub clusters: Vec<Cluster>,
    /// The servers, unless the logs have no instants: then they say nothing about servers.
    pub servers: Option<FittedServers>,
}

/// The servers of a job, as far as its logs know them.
#[derive(Clone, PartialEq, Debug)]
pub struct FittedServers {
    /// Those that come closest to the logs.
    pub best: Servers,
    /// How far they are from the logs: the mean over the logs of the sum of squares of what differs,
    /// in tolerances.
    pub score: f64,
    /// Servers that the logs do not tell apart, as often as they are likely.
    pub likely: Vec<Servers>,
    /// Those of them with which predictions are made.
    pub members: Vec<Servers>,
    /// By which share their speed wanders during a log. It is likely to be another one in another
    /// run of the job, too.
    pub drift: f64,
}

impl FittedServers {
    /// The range of a number of the servers: between a twentieth and nineteen twentieths of what is
    /// likely.
    pub fn range(&self, of: impl Fn(&Servers) -> f64) -> (f64, f64) {
        let mut all: Vec<f64> = self.likely.iter().chain([&self.best]).map(of).collect();
        all.sort_by(f64::total_cmp);
        let at = |share: f64| all[(share * (all.len() - 1) as f64).round() as usize];
        (at(0.05), at(0.95))
    }
}

/// What the user knows, and how a fit is written down.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FitSettings {
    /// Gives the workers of a class the same mean step time, not each its own.
    pub pooled: bool,
    /// Cores of the servers, if they are known.
    pub cores: Option<f64>,
    /// Whether servers that do as well are looked for, from which ranges and intervals follow.
    pub ranges: bool,
    /// Where step times that no law describes are written; laws are used for all when left out.
    pub traces: Option<Traces>,
}

impl FitSettings {
    /// The folder in which traces lie.
    pub fn folder(&self) -> PathBuf {
        self.traces.as_ref().map_or_else(|| PathBuf::from("."), |traces| traces.folder.clone())
    }
}

/// Fits machines to each log, and the same servers to all of them: logs of one job at several sizes,
/// or with several kinds of steps.
///
/// # Errors
/// If a trace cannot be written or the cluster cannot be simulated.
///
/// # Panics
/// If there is no log.
pub fn fit(logs: &[StepLog], settings: &FitSettings) -> Result<Fitted, FitError> {
    assert!(!logs.is_empty(), "a log");
    let folder = settings.folder();
    let mut machines = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        machines.push(Machines::of(log, number, settings.traces.as_ref())?);
    }
    let own = if settings.pooled { Own::Pooled } else { Own::Each };
    let bare: Vec<Cluster> = machines.iter().map(|machines| machines.cluster(own)).collect();
    let (mut cases, mut timed) = (Vec::new(), Vec::new());
    for (log, bare) in logs.iter().zip(&bare) {
        let stays = log.stays();
        if !stays.is_empty() {
            cases.push(Case { bare: bare.clone(), logged: log.figures(), steps: log.steps.len() });
            timed.push(stays);
        }
    }
    if cases.is_empty() {
        return Ok(Fitted { own, machines, clusters: bare, servers: None });
    }
    let cores = settings.cores;
    let ranges = settings.ranges;
    let servers = Search { cases: &cases, stays: &timed, cores, ranges, folder: &folder }.run()?;
    let clusters = bare.iter().map(|bare| servers.best.of(bare)).collect();
    Ok(Fitted { own, machines, clusters, servers: Some(servers) })
}

/// Predicts the steps `from..to` of a job from its start: about `steps` steps in all, over seeds.
///
/// # Errors
/// If the cluster cannot be simulated.
pub fn judge(
    cluster: &Cluster,
    (from, to): (usize, usize),
    steps: usize,
    folder: &Path,
) -> Result<Figures, FitError> {
    predict(cluster, StepWindow::of(from, to, steps), folder)
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

#[cfg(test)]
mod tests {
    use super::columns::Columns;
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
        for log in log.part(0, log.steps.len() / 2).into_iter().chain([log]) {
            let folder = tempfile::tempdir().unwrap();
            let traces =
                Traces { folder: folder.path().into(), stem: "c".into(), overwrite: false };
            let ways = [(false, Some(&traces)), (true, None)];
            for (pooled, traces) in ways.into_iter().take(if timed { 1 } else { 2 }) {
                let settings =
                    FitSettings { pooled, traces: traces.cloned(), ..FitSettings::default() };
                let fitted = fit(std::slice::from_ref(&log), &settings).unwrap();
                let cluster = &fitted.clusters[0];
                for text in [scenario::table(cluster), scenario::whole(cluster, "odd", 100)] {
                    text.unwrap_or_else(|error| panic!("{error}"));
                }
                let figures = judge(cluster, (0, 100), 200, folder.path()).unwrap();
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
        let traces = Traces { folder: folder.path().into(), stem: "c".into(), overwrite: false };
        let mut settings = FitSettings { traces: Some(traces), ..FitSettings::default() };
        let logs = [log];
        let cluster = fit(&logs, &settings).unwrap().clusters.remove(0);
        let job = FittedJob { cluster, protocol: ProtocolChoice::default() };
        let found = job.predict(folder.path()).unwrap();
        assert!((found.throughput * 0.55 - 1.0).abs() < 0.03, "{found:?}");
        assert!(matches!(fit(&logs, &settings), Err(FitError::Exists { .. })));
        settings.traces.as_mut().unwrap().overwrite = true;
        fit(&logs, &settings).unwrap();
    }
}
