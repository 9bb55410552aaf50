//! One trial: a scenario and its seed, run into a results folder.

use std::path::{Path, PathBuf};

use super::drive::{Driven, Driver, Failed, SaveEvery, restore};
use super::expect::{self, Checked};
use super::folder::{FolderError, Found, ResultsFolder, hex_digest};
use super::outcome::OutcomeError;
use super::probe::seconds_per_step;
use super::recorder::{Begin, Recorder, Recording};
use super::run_info::Stopwatch;
use super::snapshot::Snapshots;
use super::stop::StopSignal;
use super::summary::Summary;
use crate::base::ByteSize;
use crate::metrics::Quality;
use crate::scenario::build::{BuildError, Job, Prepared};
use crate::scenario::estimate::Estimate;
use crate::scenario::presets::Preset;
use crate::scenario::{Scenario, document};
use crate::server::ParameterServer;
use crate::sim::{Observer, SimError, Work};

/// A scenario that is ready to run: its log is open and its needs are known.
#[derive(Debug)]
pub struct Trial {
    /// The scenario.
    pub scenario: Scenario,
    /// Every value of the scenario, defaults included; can be run again as it is.
    pub resolved: String,
    /// What it will need.
    pub estimate: Estimate,
    prepared: Option<Prepared>,
    folder: PathBuf,
    threads: usize,
}

/// Why a trial did not finish.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The estimate is above a limit.
    #[error(
        "this run needs about {needed} of {what}, above the limit of {limit}: raise `limits.{what}`, or ask \
         for less (workers, model, holdout); --force runs it all the same"
    )]
    TooLarge {
        /// `memory` or `disk`.
        what: &'static str,
        /// The estimate.
        needed: ByteSize,
        /// The limit.
        limit: ByteSize,
    },
    /// The results folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A series could not be written.
    #[error("cannot write the results in {path}: {error}; what was written until then is kept")]
    Write {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// What an earlier run has left, or this one has written, cannot be read.
    #[error(transparent)]
    Read(#[from] OutcomeError),
    /// Somebody asked to stop.
    #[error("stopped by signal {signal} and saved; go on with: straggler resume {path}")]
    Interrupted {
        /// Number of the signal.
        signal: usize,
        /// The folder.
        path: PathBuf,
    },
    /// The simulated job could not go on; the folder holds what was computed.
    #[error("{error}\nkept: {path}")]
    Simulation {
        /// What happened.
        error: SimError,
        /// The folder.
        path: PathBuf,
    },
}

/// How a trial is run. Its results depend on none of this.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Also if the folder is done already, and from the start.
    pub again: bool,
    /// Asks to stop.
    pub stop: StopSignal,
    /// How often the run is saved.
    pub save_every: SaveEvery,
    /// Is told where the run goes on, and which snapshots cannot be used.
    pub tell: fn(&str),
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            again: false,
            stop: StopSignal::default(),
            save_every: SaveEvery::default(),
            tell: |_| {},
        }
    }
}

/// A job that is about to run.
struct Begun {
    job: Job,
    recorder: Recorder,
    /// Whether it goes on from a snapshot.
    resumed: bool,
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// The figures; `None` if the folder was done before.
    pub summary: Option<Summary>,
    /// The folder.
    pub path: PathBuf,
    /// What came of the scenario's expectations.
    pub checked: Vec<Checked>,
}

impl Trial {
    /// Opens the log of `scenario` and estimates the run. Files are looked for relative to
    /// `folder`.
    ///
    /// # Errors
    /// Everything that files, windows and model can have against it.
    pub fn new(scenario: Scenario, folder: &Path, threads: usize) -> Result<Trial, RunError> {
        let prepared = scenario.prepare(folder)?;
        let estimate = scenario.estimate(prepared.as_ref(), threads);
        let resolved = document::to_toml(&scenario).expect("a scenario is valid TOML");
        let folder = folder.to_path_buf();
        Ok(Trial { scenario, resolved, estimate, prepared, folder, threads })
    }

    /// The opened log and the model; `None` for timing alone, or after the run.
    pub fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    /// About how long the run will take on this machine, in wall seconds, where its end is known.
    pub fn wall_estimate(&self) -> Option<f64> {
        let prepared = self.prepared.as_ref()?;
        let step = seconds_per_step(prepared, self.scenario.examples_per_step() as usize);
        Some(self.estimate.pushes? as f64 * step / self.threads as f64)
    }

    /// Refuses a run above its limits.
    ///
    /// # Errors
    /// [`RunError::TooLarge`].
    pub fn check_limits(&self) -> Result<(), RunError> {
        let limits = &self.scenario.limits;
        let over = |what, needed: ByteSize, limit: ByteSize| {
            if needed > limit { Err(RunError::TooLarge { what, needed, limit }) } else { Ok(()) }
        };
        over("memory", self.estimate.memory, limits.memory)?;
        over("disk", self.estimate.disk, limits.disk)
    }

    /// Runs into the folder `out`. `watcher` is told of everything beside the recorder.
    ///
    /// # Errors
    /// If the folder cannot be used or written, or the simulated job cannot go on; what was
    /// computed until then is in the folder.
    pub fn run(
        mut self,
        out: &Path,
        options: &RunOptions,
        watcher: &mut dyn Observer,
    ) -> Result<Finished, RunError> {
        let (folder, found) = ResultsFolder::open(out, &self.resolved)?;
        let snapshots = Snapshots::of(out, &self.resolved);
        if found == Found::Done && !options.again {
            // It may have been killed just before it did this itself.
            snapshots
                .remove()
                .map_err(|error| RunError::Write { path: out.to_path_buf(), error })?;
            let checked = expect::read(out)?;
            return Ok(Finished { summary: None, path: out.to_path_buf(), checked });
        }
        folder.clear()?;
        let preset = self.scenario.preset.map(Preset::name);
        let stopwatch = Stopwatch::start(out, self.threads, &self.folder, preset)?;
        let written = |error| RunError::Write { path: out.to_path_buf(), error };
        let facts = self.prepared.as_ref().map(|p| p.source.facts()).unwrap_or_default();
        let Begun { mut job, mut recorder, resumed } = self.begin(out, options, &snapshots)?;
        let (job, recorder) = (&mut job, &mut recorder);
        let (stop, every) = (&options.stop, options.save_every);
        let mut driver = Driver { job, recorder, watcher, stop, every, snapshots: &snapshots };
        let outcome = match driver.run(resumed) {
            Ok(Driven::ToTheEnd) => Ok(()),
            Ok(Driven::Stopped(signal)) => {
                return Err(RunError::Interrupted { signal, path: out.to_path_buf() });
            }
            Err(Failed::Write(error)) => return Err(written(error)),
            Err(Failed::Simulation(error)) => Err(error),
        };
        recorder.finish(out, job.simulation()).map_err(written)?;
        let mut summary = self.summarise(job, recorder, facts);
        if let Err(error) = outcome {
            summary.ended = error.to_string();
            // Not `summary.json`: the trial is not done.
            folder.write("diagnosis.json", &json(&summary))?;
            snapshots.remove().map_err(written)?;
            return Err(RunError::Simulation { error, path: out.to_path_buf() });
        }
        summary.ended = "finished".to_string();
        summary.files = digests(out).map_err(written)?;
        let checked = self.check_expectations(&summary, &folder)?;
        stopwatch.stop()?;
        folder.write("summary.json", &json(&summary))?;
        snapshots.remove().map_err(written)?;
        Ok(Finished { summary: Some(summary), path: out.to_path_buf(), checked })
    }

    /// A job and its recorder: as the last snapshot that can be used has left them, or new ones.
    fn begin(
        &mut self,
        out: &Path,
        options: &RunOptions,
        snapshots: &Snapshots,
    ) -> Result<Begun, RunError> {
        let prepared = self.prepared.take();
        let spaces = spaces(prepared.as_ref());
        let build = |prepared: Option<Prepared>, begin: Begin| -> Result<(Job, _), RunError> {
            let job = self.scenario.build(prepared, &self.folder, self.threads)?;
            let recorder = Recorder::open(out, begin, self.recording(&job, spaces.clone()));
            Ok((job, recorder))
        };
        let candidates = if options.again { Vec::new() } else { snapshots.list() };
        for path in candidates {
            let (mut job, recorder) = build(prepared.clone(), Begin::Reopen)?;
            let restored = recorder.map_err(|error| error.to_string()).and_then(|mut recorder| {
                restore(snapshots, &path, &mut job, &mut recorder).map(|()| recorder)
            });
            match restored {
                Ok(recorder) => {
                    let update = job.session().progress.updates;
                    (options.tell)(&format!("going on from update {update} ({})", path.display()));
                    return Ok(Begun { job, recorder, resumed: true });
                }
                Err(reason) => {
                    (options.tell)(&format!("{} is not used: {reason}", path.display()));
                }
            }
        }
        let written = |error| RunError::Write { path: out.to_path_buf(), error };
        snapshots.remove().map_err(written)?;
        let (job, recorder) = build(prepared, Begin::Afresh)?;
        Ok(Begun { job, recorder: recorder.map_err(written)?, resumed: false })
    }

    /// Before the summary is written: where that exists, everything does.
    fn check_expectations(
        &self,
        summary: &Summary,
        folder: &ResultsFolder,
    ) -> Result<Vec<Checked>, RunError> {
        let expectations = &self.scenario.expect;
        if expectations.is_empty() {
            return Ok(Vec::new());
        }
        let summary = serde_json::to_value(summary).expect("a summary is valid JSON");
        let checked = expect::check(expectations, summary, folder.path())?;
        folder.write(expect::FILE, &json(&checked))?;
        Ok(checked)
    }

    fn recording(&self, job: &Job, spaces: Vec<String>) -> Recording {
        let record = &self.scenario.record;
        Recording {
            classes: self.scenario.cluster.class.iter().map(|class| class.name.clone()).collect(),
            spaces,
            every: record.training,
            limits: job.session().limits,
            workers: job.simulation().map_or(1, |simulation| simulation.workers().len()),
            timeline: record.timeline,
        }
    }

    fn summarise(&self, job: &Job, recorder: &Recorder, facts: Vec<(String, String)>) -> Summary {
        let session = job.session();
        let mut summary =
            Summary::new(&self.scenario, &session.progress, job.simulation(), recorder);
        let window = session.watch.window.filter(|window| *window > 0);
        summary.passes = window.map(|window| session.progress.examples as f64 / window as f64);
        summary.data = facts;
        summary.bayes = bayes(job);
        summary.bayes_auc = summary.bayes.and_then(|bayes| bayes.auc);
        if let Work::Training(training) = &session.work {
            summary.weights_sha256 = Some(weights_digest(training.server()));
        }
        summary
    }
}

/// Names of the id spaces of the data.
fn spaces(prepared: Option<&Prepared>) -> Vec<String> {
    let spaces = prepared.map(|p| &p.source.schema().spaces[..]).unwrap_or_default();
    spaces.iter().map(|space| space.name.clone()).collect()
}

/// Quality of the true probabilities on the holdout, where the log knows them.
fn bayes(job: &Job) -> Option<Quality> {
    let evaluation = job.session().watch.evaluation.as_ref()?;
    evaluation.evaluator.bayes()
}

fn json(content: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(content).expect("plain data is valid JSON");
    text.push(b'\n');
    text
}

/// SHA-256 of all parameters: dense, non-trainable, then the tables row by row.
pub fn weights_digest(server: &ParameterServer) -> String {
    let mut bytes = Vec::new();
    let mut add = |values: &[f32]| bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    add(server.dense());
    add(server.moving());
    for index in 0..server.layout().tables.len() {
        let table = server.table(index);
        (0..table.rows()).for_each(|id| add(table.weights(id)));
    }
    hex_digest(&bytes)
}

/// SHA-256 of the reproducible files of a folder, by name.
fn digests(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut digests = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".csv") || name == "resolved.toml" {
            let digest = hex_digest(&std::fs::read(folder.join(&name))?);
            digests.push((name, digest));
        }
    }
    digests.sort();
    Ok(digests)
}
