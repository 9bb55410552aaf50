//! Results, read from their files: the trials of a run folder or a sweep folder, with their states,
//! settings, figures and series.
//!
//! Everything is read without locks, while other processes may be writing. A state follows from
//! which files exist (two questions to the file system per trial). Everything else is read only
//! when asked for. Nothing here knows a scenario or a simulation.

mod plan;
mod settings;
mod spectrum;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::read_text;
use super::folder::{RESOLVED, is_lab, refuse_links};
use super::summary::{self, BrokenTraining, Scalars, Summary};
use super::table::{Rows, TableRow};
use super::tables::{EvaluatedView, EvaluationRow};
use crate::base::counted;

pub use super::error::OutcomeError;
pub use super::state::State;
pub use plan::{Planned, SweepHeading};
pub use settings::{Settings, flatten, setting_text};
pub use spectrum::{Oscillating, PassSpectrum};

/// The kind of a results folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One run.
    Run,
    /// A sweep: many trials, planned together.
    Sweep,
}

/// Why a trial has no figures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// Whether a parameter blew up; otherwise the run stalled or failed for another reason.
    pub blew_up: bool,
    /// What happened, one line.
    pub reason: String,
}

/// One trial and its folder.
#[derive(Clone, PartialEq, Debug)]
pub struct TrialOutcome {
    /// Its name in the plan, such as `0000`; empty for a single run.
    pub id: String,
    /// The number of its point.
    pub point: usize,
    /// Its seed.
    pub seed: u64,
    /// Its run folder, which need not exist yet.
    pub folder: PathBuf,
}

/// Trials that differ only in their seed.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// Its number, in plan order from 0.
    pub index: usize,
    /// What distinguishes it, such as `workers=10 remedy=none`; the folder's name for a single run.
    pub label: String,
    /// The settings that the sweep gives it; empty for a single run.
    pub settings: Settings,
    /// Its trials, as positions in [`Results::trials`], in plan order.
    pub trials: Vec<usize>,
}

/// A results folder.
#[derive(Clone, PartialEq, Debug)]
pub struct Results {
    /// The folder.
    pub path: PathBuf,
    /// Its name, without the folders above.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The trials, in plan order; one for a run.
    pub trials: Vec<TrialOutcome>,
    /// The points, by number; one for a run.
    pub points: Vec<Point>,
}

impl Results {
    /// Opens a run folder or a sweep folder.
    ///
    /// # Errors
    /// If it is neither, or its plan cannot be read.
    pub fn open(path: &Path) -> Result<Results, OutcomeError> {
        refuse_links(path).map_err(|link| OutcomeError::Link(link.to_string()))?;
        if path.join(plan::FILE).is_file() {
            return plan::open(path);
        }
        if is_lab(path) {
            return Err(OutcomeError::IsLab { path: path.to_path_buf() });
        }
        let is_run = [summary::FILE, RESOLVED, summary::DIAGNOSIS]
            .iter()
            .any(|file| path.join(file).is_file());
        if !is_run {
            return Err(OutcomeError::NotResults { path: path.to_path_buf() });
        }
        let name = folder_name(path);
        let mut trial = TrialOutcome::of_run(path, 0);
        trial.seed = trial.settings()?.get("scenario.seed").and_then(Value::as_u64).unwrap_or(0);
        let point =
            Point { index: 0, label: name.clone(), settings: Settings::new(), trials: vec![0] };
        let (trials, points) = (vec![trial], vec![point]);
        Ok(Results { path: path.to_path_buf(), name, kind: Kind::Run, trials, points })
    }

    /// Every key that some point sets, in the order of the first point that does.
    pub fn swept_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for key in self.points.iter().flat_map(|point| point.settings.keys()) {
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
        keys
    }

    /// The trials of a point.
    pub fn trials_of<'a>(&'a self, point: &'a Point) -> impl Iterator<Item = &'a TrialOutcome> {
        point.trials.iter().map(|index| &self.trials[*index])
    }

    /// The point of this number or label. A label may be cut short if only one point has that
    /// beginning.
    ///
    /// # Errors If there is no such point, or more than one.
    pub fn point(&self, wanted: &str) -> Result<&Point, OutcomeError> {
        let by_label = self.points.iter().find(|point| point.label == wanted);
        let by_number = || wanted.parse::<usize>().ok().and_then(|index| self.points.get(index));
        let by_part = || {
            let words: Vec<&str> = wanted.split_whitespace().collect();
            let fits = |point: &&Point| {
                words.iter().all(|word| point.label.split_whitespace().any(|part| part == *word))
            };
            let mut fitting = self.points.iter().filter(fits);
            let first = fitting.next().filter(|_| !words.is_empty());
            if fitting.next().is_none() { first } else { None }
        };
        by_label.or_else(by_number).or_else(by_part).ok_or_else(|| OutcomeError::NoPoint {
            path: self.path.clone(),
            wanted: wanted.to_string(),
            points: self.points.iter().map(|point| point.label.clone()).collect(),
        })
    }
}

impl TrialOutcome {
    /// A single run in `folder`.
    pub fn of_run(folder: &Path, seed: u64) -> TrialOutcome {
        TrialOutcome { id: String::new(), point: 0, seed, folder: folder.to_path_buf() }
    }

    /// How far the trial has come; at most two questions to the file system.
    pub fn state(&self) -> State {
        State::of(&self.folder)
    }

    /// Why the trial has no figures; `None` unless it failed.
    ///
    /// # Errors If the file exists and cannot be read.
    pub fn diagnosis(&self) -> Result<Option<Diagnosis>, OutcomeError> {
        if self.state() != State::Failed {
            return Ok(None);
        }
        let Some(summary) = Summary::read_diagnosis(&self.folder)? else { return Ok(None) };
        let reason = if summary.ended.is_empty() { "unknown".into() } else { summary.ended };
        Ok(Some(Diagnosis { blew_up: reason.starts_with("blow-up"), reason }))
    }

    /// `summary.json`; `None` unless the trial is done.
    ///
    /// # Errors If the file exists and cannot be read.
    pub fn summary(&self) -> Result<Option<Summary>, OutcomeError> {
        Summary::read(&self.folder)
    }

    /// What is wrong with its training; `None` unless it is done and its training broke.
    ///
    /// # Errors
    /// As [`summary`](Self::summary).
    pub fn broken(&self) -> Result<Option<BrokenTraining>, OutcomeError> {
        if self.state() != State::Done {
            return Ok(None);
        }
        Ok(self.summary()?.and_then(|summary| summary.broken))
    }

    /// Its figures; `None` unless it is done.
    ///
    /// # Errors
    /// As [`summary`](Self::summary).
    pub fn scalars(&self) -> Result<Option<Scalars>, OutcomeError> {
        Ok(self.summary()?.map(|summary| summary.scalars()))
    }

    /// The rows of one of the trial's tables so far. A last row that is cut short, because the file
    /// is being written, is left out.
    ///
    /// # Errors If the file exists and cannot be read.
    pub fn rows<R: TableRow>(&self) -> Result<Rows<R>, OutcomeError> {
        Rows::read(&self.folder, self.state() != State::ToDo)
    }

    /// Every value of the trial's scenario, by dotted key; empty until it has begun.
    ///
    /// # Errors If `resolved.toml` exists and cannot be read.
    pub fn settings(&self) -> Result<Settings, OutcomeError> {
        let path = self.folder.join(RESOLVED);
        let Some(text) = read_text(&path)? else { return Ok(Settings::new()) };
        let value: Value = toml::from_str(&text).map_err(|error| OutcomeError::Malformed {
            line: error.span().map_or(1, |span| text[..span.start].lines().count().max(1)),
            problem: error.message().to_string(),
            path,
        })?;
        Ok(flatten(&value))
    }

    /// The evaluations of the server's parameters so far, in order.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn evaluations(&self) -> Result<Vec<EvaluationRow>, OutcomeError> {
        let mut rows = self.rows::<EvaluationRow>()?.into_vec();
        rows.retain(|row| row.view == EvaluatedView::Server);
        Ok(rows)
    }
}

/// How many of the finished trials broke, such as `5 of 5 trials broke`; `None` if none did. Their
/// figures mean little, so every sentence and table about them says this.
pub fn broke(broken: usize, done: usize) -> Option<String> {
    (broken > 0).then(|| format!("{broken} of {} broke", counted(done, "trial", "trials")))
}

/// The last part of a path. If the path ends in `.` or `..`, the last part of the path that this
/// stands for.
pub(super) fn folder_name(path: &Path) -> String {
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let real = || path.canonicalize().ok().and_then(|path| named(&path));
    named(path).or_else(real).unwrap_or_else(|| path.display().to_string())
}

#[cfg(test)]
mod tests;
