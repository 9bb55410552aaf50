//! One trial: a scenario and its seed, run into a results folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::start::StartFile;
use super::checkpoint::{self, Keeper};
use super::drive::{DriveError, Driven, Driver, SaveEvery, restore};
use super::expect::{self, Checked};
use super::identity::{digests, log_digest, window};
use super::open_logs::OpenLogs;
use super::probe;
use super::recorder::{Begin, Recorder, Recording};
pub use super::run_error::RunError;
use super::run_info::Stopwatch;
use super::snapshot::Snapshots;
use super::stages::{self, StageFolders};
use super::stop::StopSignal;
use super::summary::{summary, undefined};
use super::{tables, upsets};
use crate::base::ByteSize;
use crate::data::{OpenContext, Remark, SourceChoice};
use crate::metrics::Quality;
use crate::results::folder::{ExistingResults, ResultsFolder, hex_digest};
use crate::results::json;
use crate::results::summary::{DIAGNOSIS, FILE, StageDone, Started, Summary};
use crate::scenario::build::{Opener, Prepared};
use crate::scenario::estimate::ResourceEstimate;
use crate::scenario::job::Job;
use crate::scenario::presets::Preset;
use crate::scenario::seeds::SeededPart;
use crate::scenario::stages::ResolvedStage;
use crate::scenario::start::Start;
use crate::scenario::{Scenario, document};
use crate::server::ParameterServer;
use crate::sim::record::table_states;
use crate::sim::{Observer, SimError, Work};

/// A scenario that is ready to run: its log is open and its needs are known.
#[derive(Debug)]
pub struct Trial {
    /// The scenario.
    pub scenario: Scenario,
    /// Every value of the scenario, defaults included; can be run again as it is.
    pub resolved: String,
    /// What the run will need.
    pub estimate: ResourceEstimate,
    /// What looks as if the logs of its stages were not meant as they are used.
    pub remarks: Vec<Remark>,
    pub(super) prepared: Option<Prepared>,
    pub(super) folder: PathBuf,
    threads: usize,
    /// The stages before the last, which have to be done first.
    pub(super) earlier: Vec<ResolvedStage>,
    /// The logs that its stages share.
    logs: Arc<OpenLogs>,
    /// The name of the last stage, if there are stages.
    pub(super) last_stage: Option<String>,
    /// Where the stages are that this one may start from.
    places: StageFolders,
}

/// How a trial is run. Its results depend on none of this.
#[derive(Clone)]
pub struct RunOptions<'a> {
    /// Runs again from the start, even if the folder is done already.
    pub again: bool,
    /// Asks the run to stop.
    pub stop: StopSignal,
    /// How often the run is saved.
    pub save_every: SaveEvery,
    /// Where the stages before the last are, if not in the results folder: trials of a sweep share
    /// equal stages.
    pub stages: Option<PathBuf>,
    /// Called with a line that says where the run goes on, or which snapshots cannot be used.
    pub tell: &'a dyn Fn(&str),
}

impl std::fmt::Debug for RunOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RunOptions { again, stop, save_every, .. } = self;
        let mut options = f.debug_struct("RunOptions");
        options.field("again", again).field("stop", stop).field("save_every", save_every);
        options.finish_non_exhaustive()
    }
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        RunOptions {
            again: false,
            stop: StopSignal::default(),
            save_every: SaveEvery::default(),
            stages: None,
            tell: &|_| {},
        }
    }
}

/// A job that is about to run.
struct Begun {
    job: Job,
    recorder: Recorder,
    keeper: Keeper,
    /// The checkpoint that it has started from.
    started: Option<Started>,
    /// Whether it continues from a snapshot.
    resumed: bool,
}

/// The results of a run.
#[derive(Debug)]
pub struct RunOutcome {
    /// The figures; `None` if the folder was done before.
    pub summary: Option<Summary>,
    /// The folder.
    pub path: PathBuf,
    /// The results of the scenario's expectations.
    pub checked: Vec<Checked>,
}

impl Trial {
    /// Opens the log of `scenario` and estimates the run. Files are looked for relative to
    /// `folder`.
    ///
    /// # Errors If a file, a window or the model makes the run impossible.
    pub fn new(scenario: Scenario, folder: &Path, threads: usize) -> Result<Trial, RunError> {
        let logs = Arc::new(OpenLogs::default());
        let open = |choice: &SourceChoice, context: &OpenContext<'_>| logs.open(choice, context);
        let trial = Trial::with_sources(scenario, folder, threads, &open)?;
        Ok(Trial { logs, ..trial })
    }

    /// As [`new`](Self::new), with the log from `open`, which may already have it open.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_sources(
        scenario: Scenario,
        folder: &Path,
        threads: usize,
        open: &Opener<'_>,
    ) -> Result<Trial, RunError> {
        let resolved = document::to_toml(&scenario).expect("a scenario is valid TOML");
        let mut all = scenario.stages()?;
        stages::check_leaks(&all, folder, open)?;
        // The figures of the run are those of its last stage.
        let preset = scenario.preset;
        let last = all.pop();
        let last_stage = last.as_ref().map(|last| last.name.clone());
        let scenario = last.map_or(scenario, |last| last.scenario);
        let scenario = Scenario { preset, ..scenario };
        let trial = Trial::of_stage(scenario, folder, (threads, open), StageFolders::default())
            .map_err(|error| error.in_stage(last_stage.as_deref()))?;
        let mut estimate = trial.estimate;
        let mut seen = Vec::new();
        for stage in &all {
            let prepared = stage
                .scenario
                .prepare_with(folder, open)
                .map_err(|error| RunError::from(error).in_stage(Some(&stage.name)))?;
            estimate = estimate.and_before(&stage.scenario.estimate(prepared.as_ref(), threads));
            seen.extend(prepared.into_iter().flat_map(|prepared| prepared.remarks));
        }
        seen.extend(trial.remarks);
        let mut remarks: Vec<Remark> = Vec::new();
        for remark in seen {
            // Stages have the same log, as a rule.
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        Ok(Trial { resolved, estimate, remarks, earlier: all, last_stage, ..trial })
    }

    /// A single stage, which may start from those in `places`.
    pub(super) fn of_stage(
        scenario: Scenario,
        folder: &Path,
        (threads, open): (usize, &Opener<'_>),
        places: StageFolders,
    ) -> Result<Trial, RunError> {
        let prepared = scenario.prepare_with(folder, open)?;
        let estimate = scenario.estimate(prepared.as_ref(), threads);
        let resolved = document::to_toml(&scenario).expect("a scenario is valid TOML");
        let folder = folder.to_path_buf();
        let earlier = Vec::new();
        let remarks =
            prepared.as_ref().map(|prepared| prepared.remarks.clone()).unwrap_or_default();
        Ok(Trial {
            scenario,
            resolved,
            estimate,
            remarks,
            prepared,
            folder,
            threads,
            earlier,
            logs: Arc::default(),
            last_stage: None,
            places,
        })
    }

    /// The opened log and the model; `None` for timing alone, or after the run.
    pub fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    /// About how long the run will take on this machine, in wall seconds, if its end is known and
    /// it is within its limits. Parts of the run are tried out.
    pub fn wall_estimate(&self) -> Option<f64> {
        self.check_limits().ok()?;
        let steps = self.estimate.pushes?;
        let cluster = &self.scenario.cluster;
        let Some(prepared) = self.prepared.as_ref() else {
            return Some(probe::seconds_of_timing(cluster.workers, cluster.shards, steps));
        };
        // Gradients of an imposed staleness are begun long before they are applied.
        let law = self.scenario.imposed_staleness.as_ref();
        let ahead = law.map_or(0, |law| law.mean() as u64);
        let work = probe::RunWork {
            batch: self.scenario.examples_per_step() as usize,
            steps: steps.saturating_add(ahead),
            scored: self.estimate.holdout.saturating_mul(self.scenario.evaluations(steps)),
            stream: self.scenario.stream_work(prepared),
        };
        Some(probe::seconds(prepared, work, self.threads))
    }

    /// As [`wall_estimate`](Self::wall_estimate), with the start of a run, its report and its pictures.
    pub fn wall_estimate_in_all(&self) -> Option<f64> {
        Some(self.wall_estimate()? + probe::AROUND)
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

    /// Runs into the folder `out`. `watcher` sees everything that the recorder sees.
    ///
    /// # Errors
    /// If the folder cannot be used or written, or the simulated job cannot go on; what was
    /// computed until then is in the folder.
    pub fn run(
        mut self,
        out: &Path,
        options: &RunOptions<'_>,
        watcher: &mut dyn Observer,
    ) -> Result<RunOutcome, RunError> {
        let (folder, found) = ResultsFolder::open(out, &self.resolved)?;
        let log = self.prepared.as_ref().map_or(String::new(), log_digest);
        let snapshots = Snapshots::of(out, &format!("{}{log}", self.resolved));
        if found == ExistingResults::Done && !options.again {
            // The earlier run may have been killed just before it removed its snapshots.
            snapshots
                .remove()
                .map_err(|error| RunError::Write { path: out.to_path_buf(), error })?;
            checkpoint::start::check_unchanged(out, &self.scenario, &self.folder)?;
            let checked = expect::read(out)?;
            return Ok(RunOutcome { summary: None, path: out.to_path_buf(), checked });
        }
        folder.clear()?;
        let preset = self.scenario.preset.map(Preset::name);
        let stopwatch = Stopwatch::start(out, self.threads, &self.folder, preset)?;
        let written = |error| RunError::Write { path: out.to_path_buf(), error };
        let facts = self.prepared.as_ref().map(Prepared::facts).unwrap_or_default();
        let shared_rows = self.prepared.as_ref().map(Prepared::shared_rows).unwrap_or_default();
        let stages = self.do_earlier(out, options)?;
        let begun = self.begin(out, options, &snapshots)?;
        let Begun { job: mut whole, mut recorder, mut keeper, started, resumed } = begun;
        let (job, recorder, keeper) = (&mut whole, &mut recorder, &mut keeper);
        let (stop, every) = (&options.stop, options.save_every);
        let mut driver =
            Driver { job, recorder, keeper, watcher, stop, every, snapshots: &snapshots };
        let outcome = match driver.run(resumed) {
            Ok(Driven::ToTheEnd) => Ok(()),
            Ok(Driven::Stopped { signal, saved }) => {
                if !saved {
                    // Many gradients are under way: to free them takes longer than a person waits.
                    std::thread::spawn(move || drop(whole));
                }
                return Err(RunError::Interrupted { signal, saved, path: out.to_path_buf() });
            }
            Err(DriveError::Write(error)) => return Err(written(error)),
            Err(DriveError::Keep(error)) => return Err(error.into()),
            Err(DriveError::Simulation(error)) => Err(error),
        };
        folder.check_still_there()?;
        recorder.finish(out, job.simulation()).map_err(written)?;
        let mut summary = self.summarise(job, recorder, facts);
        let failures = job.simulation().map(|simulation| simulation.outages().reports());
        summary.broken = recorder.health().broken(&self.scenario, |update| {
            upsets::before(update, &self.scenario, failures.unwrap_or_default(), &summary.tables)
        });
        summary.started_from = started;
        summary.shared_rows = shared_rows;
        summary.stages = stages;
        if let Err(error) = outcome {
            summary.ended = error.to_string();
            // The file is not `summary.json`, since the trial is not done.
            stopwatch.stop()?;
            folder.check_still_there()?;
            json::write(&out.join(DIAGNOSIS), &summary)?;
            snapshots.remove().map_err(written)?;
            return Err(RunError::Simulation { error, path: out.to_path_buf() });
        }
        summary.ended = "finished".to_string();
        summary.files = digests(out).map_err(written)?;
        let is_as_written = |(name, digest): &(&String, &String)| {
            summary.files.iter().any(|(n, d)| n == *name && d == *digest)
        };
        if let Some((name, _)) = keeper.written().iter().find(|file| !is_as_written(file)) {
            return Err(RunError::Changed { path: out.join(name) });
        }
        let checked = self.check_expectations(&summary, &folder)?;
        stopwatch.stop()?;
        folder.check_still_there()?;
        json::write(&out.join(FILE), &summary)?;
        snapshots.remove().map_err(written)?;
        Ok(RunOutcome { summary: Some(summary), path: out.to_path_buf(), checked })
    }

    /// Runs the missing stages before the last.
    fn do_earlier(
        &mut self,
        out: &Path,
        options: &RunOptions<'_>,
    ) -> Result<Vec<StageDone>, RunError> {
        if self.earlier.is_empty() {
            // This run is itself a stage: the places that it may start from are known.
            return Ok(Vec::new());
        }
        let root = options.stages.clone().unwrap_or_else(|| out.join(stages::FOLDER));
        // What the last stage has open is not opened again.
        let logs = Arc::clone(&self.logs);
        let open =
            move |choice: &SourceChoice, context: &OpenContext<'_>| logs.open(choice, context);
        let with = (self.threads, &open as &Opener<'_>);
        let done = stages::run(&self.earlier, &root, &self.folder, with, options);
        let (places, done) = done.map_err(|error| match error {
            RunError::Interrupted { signal, saved, .. } => {
                RunError::Interrupted { signal, saved, path: out.to_path_buf() }
            }
            RunError::Simulation { error, path } => died(out, &error, path),
            error => error,
        })?;
        self.places = places;
        Ok(done)
    }

    /// A job and its recorder: in the state of the last usable snapshot, or new ones.
    fn begin(
        &mut self,
        out: &Path,
        options: &RunOptions<'_>,
        snapshots: &Snapshots,
    ) -> Result<Begun, RunError> {
        let prepared = self.prepared.take();
        let spaces = spaces(prepared.as_ref());
        let window = window(&self.scenario, prepared.as_ref());
        let start = self.start_file()?;
        let prepared = match (prepared, &start) {
            (Some(prepared), Some((_, file))) => Some(file.widen(&self.scenario, prepared)?),
            (prepared, _) => prepared,
        };
        let build = |prepared: Option<Prepared>, begin: Begin| -> Result<_, RunError> {
            let mut job = self.scenario.build(prepared, &self.folder, self.threads)?;
            let seed = self.scenario.scenario.seed_of(SeededPart::Weights);
            let begin_from =
                |(start, file): &(&Start, StartFile)| file.start(&mut job, start, &window, seed);
            let started = start.as_ref().map(begin_from).transpose()?;
            let recorder = Recorder::open(out, begin, self.recording(&job, spaces.clone()));
            let keeper = self.keeper(out, &job, &window);
            Ok((job, recorder, keeper, started))
        };
        let candidates = if options.again { Vec::new() } else { snapshots.list() };
        for path in candidates {
            let (mut job, recorder, mut keeper, started) = build(prepared.clone(), Begin::Reopen)?;
            let restored = recorder.map_err(|error| error.to_string()).and_then(|mut recorder| {
                restore(snapshots, &path, &mut job, &mut recorder, &mut keeper).map(|()| recorder)
            });
            match restored {
                Ok(recorder) => {
                    let update = job.session().progress.updates;
                    (options.tell)(&format!("going on from update {update} ({})", path.display()));
                    return Ok(Begun { job, recorder, keeper, started, resumed: true });
                }
                Err(reason) => {
                    (options.tell)(&format!("{} is not used: {reason}", path.display()));
                }
            }
        }
        let written = |error| RunError::Write { path: out.to_path_buf(), error };
        snapshots.remove().map_err(written)?;
        let (job, recorder, keeper, started) = build(prepared, Begin::Afresh)?;
        let recorder = recorder.map_err(written)?;
        Ok(Begun { job, recorder, keeper, started, resumed: false })
    }

    /// The checkpoint that the scenario starts from, if it starts from one.
    fn start_file(&self) -> Result<Option<(&Start, StartFile)>, RunError> {
        let Some(start) = &self.scenario.start else { return Ok(None) };
        let path = self.places.file(&start.from, &self.folder);
        let seed = self.scenario.scenario.seed_of(SeededPart::Weights);
        Ok(Some((start, StartFile::read(start, path, seed)?)))
    }

    fn keeper(&self, out: &Path, job: &Job, window: &str) -> Keeper {
        let about = &self.scenario.scenario;
        let source = checkpoint::CheckpointSource {
            scenario: about.name.clone(),
            seed: about.seed,
            window: window.to_owned(),
        };
        let saving = self.scenario.checkpoint.clone().unwrap_or_default();
        Keeper::new(out, saving, source, job.session().limits)
    }

    /// Comes before the summary is written: when the summary exists, all files do.
    fn check_expectations(
        &self,
        summary: &Summary,
        folder: &ResultsFolder,
    ) -> Result<Vec<Checked>, RunError> {
        let expectations = &self.scenario.expect;
        if expectations.is_empty() {
            return Ok(Vec::new());
        }
        let checked = expect::check(expectations, summary.clone(), folder.path())?;
        json::write(&folder.path().join(expect::FILE), &checked)?;
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
            layers: record.layers.is_some(),
            tables: self.scenario.admission.is_some()
                || self.scenario.eviction.is_some()
                || self.scenario.tables.have_row_indexes(),
            cuckoo: self.scenario.tables.have_row_indexes(),
            by_row: !job.session().watch.by_row.is_empty(),
            stream: job.session().watch.stream.is_some(),
            served: job.session().work.training().is_some_and(|job| job.serving().is_some()),
        }
    }

    fn summarise(&self, job: &Job, recorder: &Recorder, facts: Vec<(String, String)>) -> Summary {
        let session = job.session();
        let mut summary = summary(&self.scenario, &session.progress, job.simulation(), recorder);
        let window = session.watch.window.filter(|window| *window > 0);
        summary.passes = window.map(|window| session.progress.examples as f64 / window as f64);
        summary.data = facts;
        summary.bayes = bayes(job);
        summary.bayes_auc = summary.bayes.and_then(|bayes| bayes.auc);
        if let Some(evaluation) = &session.watch.evaluation {
            summary.undefined = undefined(&summary, &evaluation.evaluator);
        }
        if let Work::Training(training) = &session.work {
            summary.weights_sha256 = Some(weights_digest(training.server()));
            let tables = table_states(training.server());
            let now = &session.progress;
            summary.tables = tables.iter().map(|table| tables::row(now, table)).collect();
            let eviction = self.scenario.eviction.as_ref();
            summary.dry_run = eviction.is_some_and(|eviction| eviction.dry_run);
            summary.cuckoo =
                tables.iter().filter_map(|table| tables::cuckoo_row(now, table)).collect();
        }
        summary
    }
}

/// Names of the id spaces of the data.
fn spaces(prepared: Option<&Prepared>) -> Vec<String> {
    let spaces = prepared.map(|p| &p.source.schema().spaces[..]).unwrap_or_default();
    spaces.iter().map(|space| space.name.clone()).collect()
}

/// Quality of the true probabilities on the holdout, if the log knows them.
fn bayes(job: &Job) -> Option<Quality> {
    let evaluation = job.session().watch.evaluation.as_ref()?;
    evaluation.evaluator.bayes()
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

/// A stage ended with an error: the run that it is a stage of reports it too.
fn died(out: &Path, error: &SimError, stage: PathBuf) -> RunError {
    let name = stage.file_name().unwrap_or_default().to_string_lossy();
    match Summary::write_reason(out, &format!("{error} (in stage {name})")) {
        Ok(()) => RunError::Simulation { error: error.clone(), path: stage },
        Err(error) => error.into(),
    }
}
