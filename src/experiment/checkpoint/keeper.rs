//! Writes the checkpoints of a run as they fall due.

use std::path::{Path, PathBuf};

use super::average::{self, Averaging};
use super::file::{self, Source};
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::experiment::disk;
use crate::experiment::folder::FolderError;
use crate::scenario::Job;
use crate::scenario::start::Saving;
use crate::sim::{Cadence, Checkpoint, EvaluatedView, Limits, Record};

/// The folder of a run's checkpoints, below that of its results.
pub const FOLDER: &str = "checkpoints";

/// Knows which checkpoints are due, and writes them.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    saving: Saving,
    source: Source,
    every: Option<Cadence>,
    average: Option<Averaging>,
    /// Best AUC so far on the selection half.
    best: Option<f64>,
    /// Whether the present parameters are the best.
    is_best: bool,
}

impl Keeper {
    /// That of a run with these results and limits.
    pub fn new(out: &Path, saving: Saving, source: Source, limits: Limits) -> Keeper {
        let every = saving.every.map(|every| Cadence::new(every, limits));
        let average = saving.average.map(Averaging::new);
        let folder = out.join(FOLDER);
        Keeper { folder, saving, source, every, average, best: None, is_best: false }
    }

    /// Is told everything that happens.
    pub fn observe(&mut self, record: &Record<'_>) {
        let Record::Evaluated { view: EvaluatedView::Server, selection_auc, .. } = record else {
            return;
        };
        if let Some(auc) = *selection_auc
            && self.best.is_none_or(|best| auc > best)
        {
            (self.best, self.is_best) = (Some(auc), true);
        }
        if let (Some(average), None) = (&mut self.average, &self.every) {
            average.is_due = true;
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
        if let Some(average) = &mut self.average {
            let is_state = std::mem::take(&mut average.is_due) || is_due;
            // Before the first update there is nothing of this run in it.
            if let (true, 1.., Some(training)) =
                (is_state, progress.updates, job.session().work.training())
            {
                average.add(average::state(training));
            }
        }
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
        if self.saving.last {
            self.write("last", job)?;
        }
        self.write_average(job)
    }

    /// The last state, with the average in place of its weights.
    fn write_average(&self, job: &Job) -> Result<(), FolderError> {
        let Some(mean) = self.average.as_ref().and_then(Averaging::mean) else { return Ok(()) };
        let parts = (job.session().work.training(), job.checkpoint());
        let (Some(training), Some(mut checkpoint)) = parts else { return Ok(()) };
        average::replace(&mut checkpoint.tensors, training.server().layout(), &mean);
        self.put("average", &checkpoint)
    }

    fn write(&self, name: &str, job: &Job) -> Result<(), FolderError> {
        match job.checkpoint() {
            Some(checkpoint) => self.put(name, &checkpoint),
            None => Ok(()),
        }
    }

    fn put(&self, name: &str, checkpoint: &Checkpoint) -> Result<(), FolderError> {
        let path = self.folder.join(format!("{name}.safetensors"));
        disk::create_folders(&self.folder)
            .map_err(|error| FolderError::Io { path: self.folder.clone(), error })?;
        file::write(&path, checkpoint, &self.source)
    }
}

impl Persist for Keeper {
    fn save(&self, out: &mut Saver<'_>) {
        out.each(&self.every);
        out.each(&self.average);
        self.best.save(out);
        self.is_best.save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        // Whether there is one is what the scenario says.
        from.each(&mut self.every)?;
        from.each(&mut self.average)?;
        self.best.load(from)?;
        self.is_best.load(from)
    }
}
