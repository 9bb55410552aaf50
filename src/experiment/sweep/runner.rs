//! Runs the trials of a plan side by side.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

use super::budget::Budget;
use super::folder::SweepFolder;
use super::plan::PlannedTrial;
use crate::base::ByteSize;
use crate::data::{OpenContext, SourceChoice};
use crate::experiment::checkpoint::start;
use crate::experiment::open_logs::OpenLogs;
use crate::experiment::run::{RunError, RunOptions};
use crate::experiment::snapshot::Snapshots;
use crate::experiment::stages;
use crate::experiment::stop::StopSignal;
use crate::experiment::{SaveEvery, Trial};
use crate::results::Summary;
use crate::results::folder::FolderError;
use crate::scenario::Scenario;
use crate::sim::Observer;

/// How a sweep is run. Its results depend on none of this.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Host threads.
    pub threads: usize,
    /// Trials at a time; each gets its part of the threads.
    pub jobs: usize,
    /// The memory that trials may take together when they run at the same time.
    pub memory: ByteSize,
    /// Runs trials above their limits, and runs finished trials again.
    pub force: bool,
    /// Runs failed trials again.
    pub retry: bool,
    /// Asks the sweep to stop.
    pub stop: StopSignal,
    /// How often each trial is saved.
    pub save_every: SaveEvery,
}

/// How a trial ended.
#[derive(Debug)]
pub enum Ended {
    /// It is done, and its summary is written.
    Done(Box<Summary>),
    /// It was done before.
    Already,
    /// It diverged or stalled, now or before; its folder holds the reason.
    Failed(String),
    /// It hit a bug of the program.
    Panicked(String),
    /// It could not begin, or its results could not be written.
    Refused(RunError),
    /// Another process is running it.
    Elsewhere,
    /// It was asked to stop.
    Interrupted,
}

/// Sees the course of a sweep, from several threads at a time.
pub trait SweepWatcher: Sync {
    /// A trial begins; the returned observer sees everything that happens in it.
    fn begins<'a>(&'a self, planned: &PlannedTrial, trial: &Trial) -> Box<dyn Observer + 'a>;

    /// A trial continues from a snapshot, or cannot use one.
    fn says(&self, planned: &PlannedTrial, text: &str);

    /// A trial has ended.
    fn ended(&self, planned: &PlannedTrial, ended: &Ended);
}

/// Counts of trials by how they ended.
#[derive(Debug, Default)]
pub struct TrialCounts {
    /// Done now.
    pub done: usize,
    /// Done before.
    pub already: usize,
    /// Trials that diverged or stalled, and why.
    pub failed: Vec<(String, String)>,
    /// Trials that hit a bug of the program, and its message.
    pub panicked: Vec<(String, String)>,
    /// Trials that could not be run, and why.
    pub refused: Vec<(String, RunError)>,
    /// Trials that another process runs.
    pub elsewhere: usize,
    /// Trials that were stopped or not begun.
    pub interrupted: usize,
}

impl TrialCounts {
    fn count(&mut self, id: &str, ended: Ended) {
        match ended {
            Ended::Done(_) => self.done += 1,
            Ended::Already => self.already += 1,
            Ended::Failed(reason) => self.failed.push((id.to_string(), reason)),
            Ended::Panicked(reason) => self.panicked.push((id.to_string(), reason)),
            Ended::Refused(error) => self.refused.push((id.to_string(), error)),
            Ended::Elsewhere => self.elsewhere += 1,
            Ended::Interrupted => self.interrupted += 1,
        }
    }

    fn sort(&mut self) {
        self.failed.sort();
        self.panicked.sort();
        self.refused.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// Runs `trials` into the folder of their sweep. A trial that diverges, fails or panics stops only
/// itself. Files of the scenario are looked for in `files_from`.
pub fn run(
    folder: &SweepFolder,
    trials: &[&PlannedTrial],
    files_from: &Path,
    options: &SweepOptions,
    watcher: &dyn SweepWatcher,
) -> TrialCounts {
    let jobs = options.jobs.min(trials.len()).max(1);
    let runner = Runner {
        folder,
        files_from,
        options,
        watcher,
        threads: (options.threads / jobs).max(1),
        budget: Budget::new(options.memory.0),
        sources: OpenLogs::default(),
    };
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(TrialCounts::default()));
    let work = || {
        while let Some(planned) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = runner.guarded(planned);
            watcher.ended(planned, &ended);
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.count(&planned.planned.trial, ended);
        }
    };
    std::thread::scope(|scope| {
        // Without further threads from the system, those that there are do all the work.
        let more = || Builder::new().spawn_scoped(scope, work).is_ok();
        _ = (1..jobs).take_while(|_| more()).count();
        work();
    });
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.sort();
    tally
}

struct Runner<'a> {
    folder: &'a SweepFolder,
    files_from: &'a Path,
    options: &'a SweepOptions,
    watcher: &'a dyn SweepWatcher,
    threads: usize,
    budget: Budget,
    sources: OpenLogs,
}

impl Runner<'_> {
    /// Runs a trial; a bug of the program that it hits ends this trial and no other.
    fn guarded(&self, planned: &PlannedTrial) -> Ended {
        let out = self.folder.trial(&planned.planned.trial);
        // The panic may leave something half done, but only of this trial.
        let ended = catch_unwind(AssertUnwindSafe(|| self.trial(planned, &out)));
        ended.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
            match Summary::write_reason(&out, &format!("a bug in straggler: {said}")) {
                Ok(()) => Ended::Panicked(said.to_string()),
                Err(error) => Ended::Refused(error.into()),
            }
        })
    }

    fn trial(&self, planned: &PlannedTrial, out: &Path) -> Ended {
        if let Err(error) = self.folder.check_still_there() {
            return Ended::Refused(error.into());
        }
        if let Some(before) = self.settled(out, &planned.scenario) {
            return before;
        }
        if self.options.stop.asked().is_some() {
            return Ended::Interrupted;
        }
        let scenario = planned.scenario.clone();
        let open =
            |choice: &SourceChoice, context: &OpenContext<'_>| self.sources.open(choice, context);
        let trial = match Trial::with_sources(scenario, self.files_from, self.threads, &open) {
            Ok(trial) => trial,
            Err(error) => return Ended::Refused(error),
        };
        if let (Err(error), false) = (trial.check_limits(), self.options.force) {
            return Ended::Refused(error);
        }
        let _share = self.budget.take(trial.estimate.memory.0);
        if self.options.stop.asked().is_some() {
            return Ended::Interrupted;
        }
        let mut observer = self.watcher.begins(planned, &trial);
        let again = self.options.force;
        let (stop, save_every) = (self.options.stop.clone(), self.options.save_every);
        let tell = |text: &str| self.watcher.says(planned, text);
        let stages = Some(self.folder.path().join(stages::FOLDER));
        let run = RunOptions { again, stop, save_every, stages, tell: &tell };
        match trial.run(out, &run, observer.as_mut()) {
            Ok(finished) => finished.summary.map_or(Ended::Already, |s| Ended::Done(Box::new(s))),
            Err(RunError::Simulation { error, .. }) => Ended::Failed(error.to_string()),
            Err(RunError::Interrupted { .. }) => Ended::Interrupted,
            Err(RunError::Folder(FolderError::Busy { .. })) => Ended::Elsewhere,
            Err(error) => Ended::Refused(error),
        }
    }

    /// How a trial ended before, if it is not to be run.
    fn settled(&self, out: &Path, scenario: &Scenario) -> Option<Ended> {
        if self.options.force {
            return None;
        }
        if out.join("summary.json").exists() {
            if let Err(error) = start::check_unchanged(out, scenario, self.files_from) {
                return Some(Ended::Refused(error.into()));
            }
            // The earlier run may have been killed just before it removed them.
            return Some(match Snapshots::remove_from(out) {
                Ok(()) => Ended::Already,
                Err(error) => {
                    let path = out.to_path_buf();
                    Ended::Refused(RunError::Write { path, error })
                }
            });
        }
        if self.options.retry {
            return None;
        }
        let said = match Summary::read_diagnosis(out) {
            Ok(diagnosis) => Some(diagnosis?.ended).filter(|said| !said.is_empty()),
            Err(_) => None,
        };
        Some(Ended::Failed(said.unwrap_or_else(|| "for an unknown reason".to_string())))
    }
}
