//! Writes the checkpoints of a run as they fall due.

use std::path::{Path, PathBuf};

use super::file::{self, Source};
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::experiment::disk;
use crate::experiment::folder::FolderError;
use crate::scenario::Job;
use crate::scenario::start::Saving;
use crate::sim::{Cadence, EvaluatedView, Limits, Record};

/// The folder of a run's checkpoints, below that of its results.
pub const FOLDER: &str = "checkpoints";

/// Knows which checkpoints are due, and writes them.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    saving: Saving,
    source: Source,
    every: Option<Cadence>,
    /// Best AUC so far on the selection half.
    best: Option<f64>,
    /// Whether the present parameters are the best.
    is_best: bool,
}

impl Keeper {
    /// That of a run with these results and limits.
    pub fn new(out: &Path, saving: Saving, source: Source, limits: Limits) -> Keeper {
        let every = saving.every.map(|every| Cadence::new(every, limits));
        Keeper { folder: out.join(FOLDER), saving, source, every, best: None, is_best: false }
    }

    /// Is told everything that happens.
    pub fn observe(&mut self, record: &Record<'_>) {
        if let Record::Evaluated { view: EvaluatedView::Server, selection_auc, .. } = record
            && let Some(auc) = *selection_auc
            && self.best.is_none_or(|best| auc > best)
        {
            (self.best, self.is_best) = (Some(auc), true);
        }
    }

    /// Writes what is due between two events.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn keep(&mut self, job: &Job) -> Result<(), FolderError> {
        let is_best = std::mem::take(&mut self.is_best) && self.saving.best;
        let progress = job.session().progress;
        let is_due = self.every.as_mut().is_some_and(|every| every.due(&progress));
        if is_best {
            self.write("best", job)?;
        }
        if is_due {
            self.write(&format!("update-{:09}", progress.updates), job)?;
        }
        Ok(())
    }

    /// Writes what is due at the end.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn end(&mut self, job: &Job) -> Result<(), FolderError> {
        self.keep(job)?;
        if self.saving.last { self.write("last", job) } else { Ok(()) }
    }

    fn write(&self, name: &str, job: &Job) -> Result<(), FolderError> {
        let Some(checkpoint) = job.checkpoint() else { return Ok(()) };
        let path = self.folder.join(format!("{name}.safetensors"));
        disk::create_folders(&self.folder)
            .map_err(|error| FolderError::Io { path: self.folder.clone(), error })?;
        file::write(&path, &checkpoint, &self.source)
    }
}

impl Persist for Keeper {
    fn save(&self, out: &mut Saver<'_>) {
        out.each(&self.every);
        self.best.save(out);
        self.is_best.save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        // Whether there is one is what the scenario says.
        from.each(&mut self.every)?;
        self.best.load(from)?;
        self.is_best.load(from)
    }
}
