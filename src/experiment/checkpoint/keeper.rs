//! Writes the checkpoints of a run as they fall due.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::average::{self, Averaging};
use super::file::{self, CheckpointSource};
use super::increments::{IncrementOf, Increments};
use super::reports;
use crate::results::disk;
use crate::results::folder::{FolderError, hex_digest};
use crate::results::table::TableRow;
use crate::results::tables::CheckpointRow;
use crate::scenario::Job;
use crate::scenario::start::CheckpointSaving;
use crate::server::renumber::forget_texts;
use crate::sim::{
    Cadence, Checkpoint, EvaluatedView, Limits, Record, SaveReason, SaveReport, Saved,
};

/// The folder of a run's checkpoints, below that of its results.
pub const FOLDER: &str = "checkpoints";

/// The end of the name of an increment, before the extension.
pub const INCREMENT: &str = ".increment";

/// Knows which checkpoints are due, and writes them.
#[derive(Debug)]
pub struct Keeper {
    /// The folder of the results.
    out: PathBuf,
    saving: CheckpointSaving,
    source: CheckpointSource,
    every: Option<Cadence>,
    average: Option<Averaging>,
    increments: Increments,
    /// Best AUC so far on the selection half.
    best: Option<f64>,
    /// Whether the current parameters are the best.
    is_best: bool,
    /// How checkpoints were saved in simulated time.
    reports: Vec<SaveReport>,
    /// The files that were written last, with their SHA-256.
    written: BTreeMap<String, String>,
}

impl Keeper {
    /// The keeper of a run with these results and limits.
    pub fn new(
        out: &Path,
        saving: CheckpointSaving,
        source: CheckpointSource,
        limits: Limits,
    ) -> Keeper {
        let every = saving.every.map(|every| Cadence::new(every, limits));
        let average = saving.average.map(Averaging::new);
        let out = out.to_path_buf();
        let increments = Increments::new(saving.increments, saving.tombstones);
        Keeper {
            out,
            saving,
            source,
            every,
            average,
            increments,
            best: None,
            is_best: false,
            reports: Vec::new(),
            written: BTreeMap::new(),
        }
    }

    /// Takes everything in that happens.
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

    /// Writes the checkpoints that are due between two events.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn keep(&mut self, job: &mut Job) -> Result<(), FolderError> {
        let is_best = std::mem::take(&mut self.is_best) && self.saving.best;
        let progress = job.session().progress;
        let is_due = self.every.as_mut().is_some_and(|every| every.is_due(&progress));
        if let Some(average) = &mut self.average {
            let is_state = std::mem::take(&mut average.is_due) || is_due;
            // Before the first update the state has nothing of this run.
            if let (true, 1.., Some(training)) =
                (is_state, progress.updates, job.session().work.training())
            {
                average.add(average::state(training));
            }
        }
        if is_best {
            self.save(SaveReason::Best, job)?;
        }
        if is_due {
            self.save(SaveReason::Update(progress.updates), job)?;
        }
        if self.takes_time() { self.collect(job) } else { Ok(()) }
    }

    /// Writes the checkpoints that have been saved in simulated time.
    fn collect(&mut self, job: &mut Job) -> Result<(), FolderError> {
        while let Some(Saved { report, copy }) = job.take_saved() {
            if let Some(checkpoint) = copy.and_then(|copy| job.session().checkpoint_of(&copy)) {
                self.put(&report.what.name(), checkpoint, None)?;
            }
            self.reports.push(report);
        }
        Ok(())
    }

    /// Whether checkpoints are saved in simulated time.
    pub fn takes_time(&self) -> bool {
        !self.saving.save.is_instant()
    }

    /// The job is about to end: begins to save checkpoints that take simulated time.
    pub fn ends(&mut self, job: &mut Job) {
        if self.saving.last && self.takes_time() {
            job.save_checkpoint(SaveReason::Last);
        }
    }

    /// Writes the checkpoints that are due at the end, and how checkpoints were saved.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn end(&mut self, job: &mut Job) -> Result<(), FolderError> {
        self.keep(job)?;
        if self.saving.last && !self.takes_time() {
            self.save(SaveReason::Last, job)?;
        }
        self.write_average(job)?;
        if self.reports.is_empty() {
            return Ok(());
        }
        reports::write(&self.out, &self.reports).map_err(|error| FolderError::Io {
            path: self.out.join(CheckpointRow::TABLE.file),
            error,
        })
    }

    /// The last state, with the average in place of its weights.
    fn write_average(&mut self, job: &Job) -> Result<(), FolderError> {
        let Some(mean) = self.average.as_ref().and_then(Averaging::mean) else { return Ok(()) };
        let parts = (job.session().work.training(), job.checkpoint());
        let (Some(training), Some(mut checkpoint)) = parts else { return Ok(()) };
        average::replace(&mut checkpoint.tensors, training.server().layout(), &mean);
        self.put("average", checkpoint, None).map(drop)
    }

    fn save(&mut self, what: SaveReason, job: &mut Job) -> Result<(), FolderError> {
        if self.takes_time() {
            job.save_checkpoint(what);
            return Ok(());
        }
        job.session_mut().prepare_save();
        match (job.checkpoint(), what) {
            (Some(checkpoint), SaveReason::Update(_)) if self.saving.increments > 0 => {
                self.put_next(&what.name(), checkpoint, job)
            }
            (Some(checkpoint), _) => self.put(&what.name(), checkpoint, None).map(drop),
            (None, _) => Ok(()),
        }
    }

    /// Writes the next file of the cadence: a full checkpoint, or an increment.
    fn put_next(
        &mut self,
        name: &str,
        mut checkpoint: Checkpoint,
        job: &Job,
    ) -> Result<(), FolderError> {
        let of = self.increments.next().cloned();
        let own = self.increments.take(&checkpoint.tensors, &job.session().row_tables());
        let name = match own {
            Some(tensors) => {
                checkpoint.tensors = tensors;
                format!("{name}{INCREMENT}")
            }
            None => name.to_owned(),
        };
        let digest = self.put(&name, checkpoint, of)?;
        self.increments.written(&format!("{name}.safetensors"), &digest);
        Ok(())
    }

    /// Writes a file; returns its SHA-256.
    fn put(
        &mut self,
        name: &str,
        mut checkpoint: Checkpoint,
        increment: Option<IncrementOf>,
    ) -> Result<String, FolderError> {
        if !self.saving.ids.is_values() {
            forget_texts(&mut checkpoint.tensors);
        }
        let folder = self.out.join(FOLDER);
        let path = folder.join(format!("{name}.safetensors"));
        disk::create_inner_folder(&folder)
            .map_err(|error| FolderError::Io { path: folder.clone(), error })?;
        let digest = file::write(&path, &checkpoint, &self.source, increment)?;
        self.written.insert(format!("{FOLDER}/{name}.safetensors"), digest.clone());
        Ok(digest)
    }

    /// The first file that a run cannot do without when it goes on from here, and that is missing or
    /// damaged. A file that is written again and again may be newer than the state that goes on.
    pub fn lost(&self) -> Option<&String> {
        let is_final = |name: &str| name.starts_with(&format!("{FOLDER}/update-"));
        let is_lost = |(name, digest): &(&String, &String)| {
            let found = fs::read(self.out.join(name)).map(|bytes| hex_digest(&bytes));
            found.map_or(true, |found| is_final(name) && found != **digest)
        };
        self.written.iter().find(is_lost).map(|(name, _)| name)
    }

    /// The files that the run has written, with their SHA-256.
    pub fn written(&self) -> &BTreeMap<String, String> {
        &self.written
    }
}

crate::persist!(Keeper {
    out: fixed,
    saving: fixed,
    source: fixed,
    every: each,
    average: each,
    increments: state,
    best: state,
    is_best: state,
    reports: state,
    written: plain
});
