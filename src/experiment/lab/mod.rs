//! The restart lab: what a restart does to a model, and which part of the restart causes it.
//!
//! A base run is forked: its whole state is saved, including workers' views, gradients in flight
//! and the place in the data. From there every arm goes on by itself, with the same random draws.
//! So arms differ only in what their restart keeps and loses. A factorial of these switches
//! separates main effects from interactions. Every arm is compared with the run without a restart.

pub mod curve;
pub mod design;
pub mod fork;
pub mod responses;
pub mod tables;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use sha2::{Digest, Sha256};

use self::design::arms;
use self::fork::{Base, ForkError, Forked};
use super::probe::{self, RunWork};
use super::run::Trial;
use super::run_info::Stopwatch;
use super::stop::StopSignal;
use crate::results::disk;
use crate::results::folder::{FolderError, LAB_DONE, LAB_FORKS, ResultsFolder, hex_digest};
use crate::results::json;
use crate::results::lab::{Control, LabFile};
use crate::results::semantics::SEMANTICS;
use crate::results::table::{TableRow, TableText};
use crate::results::tables::{ArmRow, CurveRow, EffectRow, LabViewRow};
use crate::scenario::Scenario;
use crate::scenario::document::{self, DocumentInput, Override, Problems, load};
use crate::scenario::lab::Lab;
use crate::scenario::rules;

/// A scenario with its lab.
#[derive(Clone, Debug)]
pub struct RestartLab {
    /// The scenario.
    pub scenario: Scenario,
    /// Every value of the scenario, defaults included.
    pub resolved: String,
    lab: Lab,
}

/// Why a lab did not finish. Finished base runs are kept, and not computed again.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A base run or an arm failed.
    #[error("{error} (base run with workers = {workers}, seed {seed})")]
    Fork {
        /// Workers of the base run.
        workers: u32,
        /// Its seed.
        seed: u64,
        /// Why.
        error: ForkError,
    },
    /// The scenario is not valid with so many workers.
    #[error(
        "with workers = {workers} this is no valid scenario: {problems}; name others with `lab.workers`"
    )]
    Workers {
        /// The number.
        workers: u32,
        /// What is wrong.
        problems: String,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The lab was asked to stop.
    #[error(
        "Stopped as asked; base runs that are done are kept. To continue: straggler resume {path}"
    )]
    Interrupted {
        /// Number of the signal.
        signal: usize,
        /// The folder.
        path: PathBuf,
    },
}

/// About how long the parts of a lab take, in wall seconds of one thread.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LabWork {
    /// A base run, until the fork.
    pub base: f64,
    /// An arm.
    pub arm: f64,
}

/// The results of a lab.
#[derive(Clone, PartialEq, Debug)]
pub struct LabResults {
    /// The base runs, by workers and then by seed.
    pub forks: Vec<Forked>,
    /// The controls that every lab makes by itself.
    pub controls: Vec<Control>,
}

impl RestartLab {
    /// The lab of a scenario; the default lab if the scenario has no `[lab]`.
    pub fn new(mut scenario: Scenario) -> RestartLab {
        let lab = scenario.lab.take().unwrap_or_default();
        scenario.lab = Some(Lab { workers: numbers_of_workers(&lab, &scenario), ..lab });
        let resolved = document::to_toml(&scenario).expect("a scenario is valid TOML");
        let lab = scenario.lab.clone().unwrap_or_default();
        RestartLab { scenario, resolved, lab }
    }

    /// The settings of the lab.
    pub fn settings(&self) -> &Lab {
        &self.lab
    }

    /// The base runs, as (workers, seed), in the order of the numbers of workers.
    pub fn bases(&self) -> Vec<(u32, u64)> {
        let first = self.scenario.scenario.seed;
        let seeds = (0..u64::from(self.lab.seeds)).map(|k| first.wrapping_add(k));
        let of = |&workers: &u32| seeds.clone().map(move |seed| (workers, seed));
        self.lab.workers.iter().flat_map(of).collect()
    }

    /// About how long the whole lab takes on `threads` host threads, in wall seconds, if the end of
    /// a base run is known.
    pub fn wall_estimate(&self, files_from: &Path, threads: usize) -> Option<f64> {
        let work = self.work(files_from)?;
        let most = self.lab.workers.iter().copied().max()?;
        let each = work.base + work.arm * arms(&self.lab, most).len() as f64;
        // Each base run has a thread, so the last ones may leave threads idle.
        let rounds = self.bases().len().div_ceil(threads.max(1));
        Some(each * rounds as f64 + probe::AROUND)
    }

    /// About how long the parts of a base run take, in wall seconds; `None` if the end of the base
    /// runs is not known.
    pub fn work(&self, files_from: &Path) -> Option<LabWork> {
        let trial = Trial::new(self.scenario.clone(), files_from, 1).ok()?;
        let (prepared, steps) = (trial.prepared()?, trial.estimate.pushes?);
        let most = self.lab.workers.iter().copied().max()?;
        let pushes = u64::from(self.scenario.protocol.pushes_per_update(most).max(1));
        let seconds = |steps: u64, evaluations: u64| {
            let work = RunWork {
                batch: self.scenario.examples_per_step() as usize,
                steps,
                scored: trial.estimate.holdout.saturating_mul(evaluations),
                // Arms have no stream of their own.
                stream: None,
            };
            probe::seconds(prepared, work, 1)
        };
        Some(LabWork {
            base: seconds(steps, self.scenario.evaluations(steps)),
            arm: seconds(self.lab.updates.saturating_mul(pushes), u64::from(self.lab.points)),
        })
    }

    /// How often [`run`](Self::run) into `out` will call `told`.
    pub fn steps(&self, out: &Path) -> usize {
        let is_missing = |&(workers, seed): &(u32, u64)| {
            self.read(&out.join(fork_file(workers, seed))).is_none()
        };
        let each = |(workers, _): (u32, u64)| arms(&self.lab, workers).len() + 1;
        self.bases().into_iter().filter(is_missing).map(each).sum()
    }

    /// Runs the missing base runs on `threads` host threads, one base run on each, and writes the
    /// tables. Calls `told` after every step, from several threads.
    ///
    /// # Errors
    /// [`LabError`]: of the first base run that failed.
    pub fn run(
        &self,
        out: &Path,
        files_from: &Path,
        threads: usize,
        stop: &StopSignal,
        told: &(dyn Fn(u32, u64, &str) + Sync),
    ) -> Result<LabResults, LabError> {
        self.check(files_from)?;
        let (folder, _) = ResultsFolder::open(out, &self.resolved)?;
        let forks = out.join(LAB_FORKS);
        disk::create_inner_folder(&forks)
            .map_err(|error| FolderError::Io { path: forks.clone(), error })?;
        let stopwatch = Stopwatch::start(out, threads, files_from, None)?;
        let bases = self.bases();
        let done: Mutex<Vec<Option<Result<Forked, LabError>>>> =
            Mutex::new(bases.iter().map(|_| None).collect());
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(workers, seed)) = bases.get(index) else { return };
                let file = fork_file(workers, seed);
                let outcome = match self.read(&out.join(&file)) {
                    Some(forked) => Ok(forked),
                    None => self
                        .base(workers, seed, files_from, stop, told)
                        .map_err(|error| LabError::Fork { workers, seed, error })
                        .and_then(|forked| {
                            folder.write(&file, &self.encode(&forked))?;
                            Ok(forked)
                        }),
                };
                let failed = outcome.is_err();
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done[index] = Some(outcome);
                if failed {
                    // No thread begins another base run.
                    next.store(bases.len(), Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            // Without further threads from the system, those that there are do all the work.
            let more = || Builder::new().spawn_scoped(scope, work).is_ok();
            _ = (1..threads.min(bases.len())).take_while(|_| more()).count();
            work();
        });
        if let Some(signal) = stop.asked() {
            return Err(LabError::Interrupted { signal, path: out.to_path_buf() });
        }
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let forks: Result<Vec<Forked>, LabError> = done.into_iter().flatten().collect();
        let forks = forks?;
        let controls = controls(&forks, &self.lab.workers);
        let results = LabResults { forks, controls };
        stopwatch.stop()?;
        self.write(&folder, &results)?;
        Ok(results)
    }

    /// Refuses what no base run could do, before anything is run or written.
    ///
    /// # Errors
    /// [`LabError`].
    pub fn check(&self, files_from: &Path) -> Result<(), LabError> {
        self.check_workers()?;
        for &workers in &self.lab.workers {
            let seed = self.scenario.scenario.seed;
            let fail = |error| LabError::Fork { workers, seed, error };
            let mut scenario = self.scenario.clone();
            scenario.cluster.workers = workers;
            let base = Base {
                scenario: &scenario,
                lab: &self.lab,
                folder: files_from,
                stop: StopSignal::default(),
            };
            base.check().map_err(fail)?;
        }
        Ok(())
    }

    /// Whether the scenario is valid with every number of workers.
    fn check_workers(&self) -> Result<(), LabError> {
        for &workers in &self.lab.workers {
            let setting =
                Override::sweep_point("lab.workers", format!("cluster.workers={workers}"));
            let input =
                DocumentInput::Text { name: "the scenario of the lab", text: &self.resolved };
            let invalid = |problems: Problems| {
                let list: Vec<String> = problems.list.iter().map(|p| p.message.clone()).collect();
                LabError::Workers { workers, problems: list.join("; ") }
            };
            let mut loaded = load::<Scenario>(input, &[setting]).map_err(invalid)?;
            rules::check(&mut loaded);
            loaded.finish().map_err(invalid)?;
        }
        Ok(())
    }

    fn base(
        &self,
        workers: u32,
        seed: u64,
        files_from: &Path,
        stop: &StopSignal,
        told: &(dyn Fn(u32, u64, &str) + Sync),
    ) -> Result<Forked, ForkError> {
        let mut scenario = self.scenario.clone();
        scenario.cluster.workers = workers;
        scenario.scenario.seed = seed;
        let base =
            Base { scenario: &scenario, lab: &self.lab, folder: files_from, stop: stop.clone() };
        base.run(|what| told(workers, seed, what))
    }

    /// A hash of everything that determines a base run.
    fn key(&self) -> [u8; 32] {
        let hash = Sha256::new().chain_update(env!("CARGO_PKG_VERSION"));
        hash.chain_update(SEMANTICS.to_le_bytes()).chain_update(&self.resolved).finalize().into()
    }

    fn encode(&self, forked: &Forked) -> Vec<u8> {
        let mut bytes = self.key().to_vec();
        bytes.extend(postcard::to_allocvec(forked).expect("plain data can be written"));
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// A base run that was done before; `None` if there is none, or if its file is damaged or
    /// belongs to another plan.
    fn read(&self, path: &Path) -> Option<Forked> {
        let bytes = fs::read(path).ok()?;
        let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        let (key, forked) = content.split_at_checked(32)?;
        let is_whole = Sha256::digest(content)[..] == *checksum && *key == self.key();
        is_whole.then(|| postcard::from_bytes(forked).ok()).flatten()
    }

    fn write(&self, folder: &ResultsFolder, results: &LabResults) -> Result<(), FolderError> {
        let arms = tables::arm_rows(&self.lab, results);
        let effects = tables::effect_rows(&self.lab, results);
        let verdict = verdict::verdict(&self.lab, results, &arms, &effects);
        let tables = [
            (CurveRow::TABLE, TableText::of(tables::curve_rows(results))),
            (ArmRow::TABLE, TableText::of(arms)),
            (EffectRow::TABLE, TableText::of(effects)),
            (LabViewRow::TABLE, TableText::of(tables::view_rows(results))),
        ];
        let mut files = Vec::new();
        for (table, text) in tables {
            folder.write(table.file, text.as_bytes())?;
            files.push((table.file.to_owned(), hex_digest(text.as_bytes())));
        }
        let about = &self.scenario.scenario;
        let written = LabFile {
            kind: "restart_lab".to_string(),
            name: about.name.clone(),
            title: about.title.clone(),
            question: about.question.clone(),
            semantics: SEMANTICS,
            verdict,
            controls: results.controls.clone(),
            files,
        };
        json::write(&folder.path().join(LAB_DONE), &written)
    }
}

/// The file of a base run, in the lab's folder.
fn fork_file(workers: u32, seed: u64) -> String {
    format!("{LAB_FORKS}/{workers}-workers-seed-{seed}.fork")
}

/// One worker, for which nothing can coalesce, and the number of the scenario.
fn numbers_of_workers(lab: &Lab, scenario: &Scenario) -> Vec<u32> {
    let mut workers = lab.workers.clone();
    if workers.is_empty() {
        workers = vec![1, scenario.cluster.workers];
    }
    workers.sort_unstable();
    workers.dedup();
    workers
}

fn controls(forks: &[Forked], workers: &[u32]) -> Vec<Control> {
    let kept_is_none = |forked: &&Forked| {
        let (none, kept) = (&forked.curves[0], &forked.curves[1]);
        none.weights == kept.weights && none.points == kept.points
    };
    let of = |&workers: &u32| {
        let bases: Vec<&Forked> = forks.iter().filter(|forked| forked.workers == workers).collect();
        Control {
            name: "a restart that keeps everything is bit-identical to none".to_owned(),
            workers,
            holds: bases.iter().filter(|forked| kept_is_none(forked)).count(),
            of: bases.len(),
        }
    };
    workers.iter().map(of).collect()
}
