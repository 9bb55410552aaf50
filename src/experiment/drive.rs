//! Runs a job from event to event, and saves it on the way.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::checkpoint::Keeper;
use super::recorder::Recorder;
use super::snapshot::Snapshots;
use super::stop::StopSignal;
use crate::base::SimSpan;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::results::folder::FolderError;
use crate::scenario::Job;
use crate::sim::{Observer, Record, SimError, State};

/// Number of events between two checks of the clock and of failed writes.
const EVENTS: u32 = 1024;

/// How long gradients under way are finished for a run that was asked to stop.
const PATIENCE: Duration = Duration::from_millis(300);

/// How often a run is saved. Its results do not depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SaveEvery {
    /// After this wall time.
    Wall(Duration),
    /// After this many updates.
    Updates(u64),
    /// Only when asked to stop.
    Never,
}

impl Default for SaveEvery {
    fn default() -> Self {
        SaveEvery::Wall(Duration::from_secs(60))
    }
}

impl FromStr for SaveEvery {
    type Err = String;

    fn from_str(text: &str) -> Result<SaveEvery, String> {
        if text == "never" {
            return Ok(SaveEvery::Never);
        }
        if let Ok(updates @ 1..) = text.parse::<u64>() {
            return Ok(SaveEvery::Updates(updates));
        }
        match text.parse::<SimSpan>() {
            Ok(span) if span > SimSpan::ZERO => Ok(SaveEvery::Wall(Duration::from_nanos(span.0))),
            _ => Err(format!(
                "\"{text}\" says no how often: write a time (5min), a number of updates (10000), or never"
            )),
        }
    }
}

/// How driving ended, if it did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Driven {
    /// The run has ended.
    ToTheEnd,
    /// The run was asked to stop.
    Stopped {
        /// Number of the signal.
        signal: usize,
        /// Whether its state is saved. If many gradients are under way that would take too long.
        saved: bool,
    },
}

/// Why driving failed.
#[derive(Debug)]
pub(super) enum DriveError {
    /// The simulated job cannot go on.
    Simulation(SimError),
    /// A file of the results cannot be written.
    Write(io::Error),
    /// A checkpoint cannot be written.
    Keep(FolderError),
}

/// A job, and its observers.
pub(super) struct Driver<'a> {
    pub(super) job: &'a mut Job,
    pub(super) recorder: &'a mut Recorder,
    pub(super) keeper: &'a mut Keeper,
    pub(super) watcher: &'a mut dyn Observer,
    pub(super) stop: &'a StopSignal,
    pub(super) every: SaveEvery,
    pub(super) snapshots: &'a Snapshots,
}

impl Driver<'_> {
    /// Runs to the end, or until it is asked to stop.
    pub(super) fn run(&mut self, resumed: bool) -> Result<Driven, DriveError> {
        if !resumed {
            let (job, mut all) = self.split();
            job.evaluate_first(&mut all);
            self.keep()?;
        }
        let mut saved = LastSave::now(self.job);
        loop {
            for _ in 0..EVENTS {
                let (job, mut all) = self.split();
                if job.step(&mut all).map_err(DriveError::Simulation)? == State::Ended {
                    return self.end().map(|()| Driven::ToTheEnd);
                }
                self.keep()?;
                if let Some(signal) = self.stop.asked() {
                    #[expect(clippy::disallowed_methods, reason = "a person is waiting")]
                    let asked = Instant::now();
                    let saved = self.save(&mut || asked.elapsed() < PATIENCE);
                    return Ok(Driven::Stopped {
                        signal,
                        saved: saved.map_err(DriveError::Write)?,
                    });
                }
                if saved.is_due(self.every, self.job) {
                    let stop = self.stop.clone();
                    self.save(&mut || stop.asked().is_none()).map_err(DriveError::Write)?;
                    saved = LastSave::now(self.job);
                }
            }
            if let Some(problem) = self.recorder.take_problem() {
                return Err(DriveError::Write(problem));
            }
            saved.look_at_the_clock();
        }
    }

    /// Ends the job: with the checkpoint that is due then, and the last evaluation.
    fn end(&mut self) -> Result<(), DriveError> {
        self.keeper.ends(self.job);
        self.close()?;
        let (job, mut all) = self.split();
        job.evaluate_last(&mut all);
        // The last evaluation may be the best.
        self.keep()?;
        self.close()?;
        self.keep()?;
        self.keeper.end(self.job).map_err(DriveError::Keep)
    }

    /// Saves the checkpoints that are due in simulated time.
    fn close(&mut self) -> Result<(), DriveError> {
        if self.keeper.takes_time() {
            let (job, mut all) = self.split();
            job.close(&mut all).map_err(DriveError::Simulation)?;
        }
        Ok(())
    }

    /// The job, and its observers as one.
    fn split(&mut self) -> (&mut Job, All<'_>) {
        let Driver { job, recorder, keeper, watcher, .. } = self;
        (&mut **job, All { recorder, keeper, watcher: &mut **watcher })
    }

    fn keep(&mut self) -> Result<(), DriveError> {
        self.keeper.keep(self.job).map_err(DriveError::Keep)
    }

    /// Saves the run as it is between two events. Gradients under way are finished before, as long as
    /// `goes_on` says so; otherwise nothing is saved, and `false` is returned.
    fn save(&mut self, goes_on: &mut dyn FnMut() -> bool) -> io::Result<bool> {
        // Files that a snapshot relies on have to be there after a power cut.
        self.recorder.sync()?;
        if !self.job.finish_gradients_while(goes_on) {
            return Ok(false);
        }
        let (job, recorder, keeper) = (&*self.job, &*self.recorder, &*self.keeper);
        self.snapshots.write(events(job), |out: &mut Saver<'_>| {
            recorder.save(out);
            keeper.save(out);
            job.save(out);
        })?;
        Ok(true)
    }
}

/// Gives `job`, `recorder` and `keeper`, which have just been made, the state in a snapshot.
///
/// # Errors In words, if the snapshot cannot be used; then all three must be thrown away.
pub(super) fn restore(
    snapshots: &Snapshots,
    path: &Path,
    job: &mut Job,
    recorder: &mut Recorder,
    keeper: &mut Keeper,
) -> Result<(), String> {
    let bytes = snapshots.read(path).map_err(|error| error.to_string())?;
    let mut from = Loader::new(&bytes);
    let mut load = || -> Result<(), LoadError> {
        recorder.load(&mut from)?;
        keeper.load(&mut from)?;
        job.load(&mut from)?;
        if let Some(simulation) = job.simulation() {
            simulation.check();
        }
        Ok(())
    };
    // A forged state with a right checksum may be one that no run can be in.
    let loaded = catch_unwind(AssertUnwindSafe(&mut load));
    let impossible = |_| Err("it holds a state that no run can be in".to_string());
    loaded.map_or_else(impossible, |loaded| loaded.map_err(|error| error.to_string()))?;
    from.end().map_err(|error| error.to_string())?;
    if let Some(file) = keeper.lost() {
        return Err(format!("{file}, which was written before it, is missing or damaged"));
    }
    recorder.cut().map_err(|error| error.to_string())
}

/// How far a job is, for the names of snapshots.
fn events(job: &Job) -> u64 {
    job.simulation().map_or(job.session().progress.updates, |simulation| simulation.events())
}

/// When a run was last saved.
struct LastSave {
    at: Instant,
    elapsed: Duration,
    updates: u64,
}

impl LastSave {
    fn now(job: &Job) -> LastSave {
        #[expect(clippy::disallowed_methods, reason = "runs are saved by the wall clock")]
        let at = Instant::now();
        LastSave { at, elapsed: Duration::ZERO, updates: job.session().progress.updates }
    }

    fn look_at_the_clock(&mut self) {
        self.elapsed = self.at.elapsed();
    }

    fn is_due(&self, every: SaveEvery, job: &Job) -> bool {
        match every {
            SaveEvery::Wall(span) => self.elapsed >= span,
            SaveEvery::Updates(n) => job.session().progress.updates - self.updates >= n,
            SaveEvery::Never => false,
        }
    }
}

/// The recorder, the keeper of checkpoints and another observer, as one observer.
struct All<'a> {
    recorder: &'a mut Recorder,
    keeper: &'a mut Keeper,
    watcher: &'a mut dyn Observer,
}

impl Observer for All<'_> {
    fn observe(&mut self, record: &Record<'_>) {
        self.recorder.observe(record);
        self.keeper.observe(record);
        self.watcher.observe(record);
    }

    fn wants_timeline(&self) -> bool {
        self.recorder.wants_timeline() || self.watcher.wants_timeline()
    }

    fn wants_gradient_norms(&self) -> bool {
        self.recorder.wants_gradient_norms() || self.watcher.wants_gradient_norms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_in_words() {
        let read = |text: &str| text.parse::<SaveEvery>();
        assert_eq!(read("5min"), Ok(SaveEvery::Wall(Duration::from_secs(300))));
        assert_eq!(read("10000"), Ok(SaveEvery::Updates(10_000)));
        assert_eq!(read("never"), Ok(SaveEvery::Never));
        for bad in ["", "0", "0s", "-1", "often"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
