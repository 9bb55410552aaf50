//! Starting a run from a checkpoint file.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::{self, CheckpointError, LoadedCheckpoint};
use super::replay::{self, ReplayError, Replayed};
use crate::base::{Purpose, Streams};
use crate::data::IdSpace;
use crate::results::folder::hex_digest;
use crate::results::summary::{RowsById, Started, Summary};
use crate::scenario::build::{BuildError, Prepared};
use crate::scenario::stage::StageRef;
use crate::scenario::start::Start;
use crate::scenario::{Job, Scenario};
use crate::server::PlacedRows;
use crate::server::renumber::listed_ids;
use crate::sim::{Checkpoint, StartError, StartReport};

/// Why a run cannot start from its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum StartFailed {
    /// The file.
    #[error("`start.from`, {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: CheckpointError,
    },
    /// A stage has not written the checkpoint that another one starts from.
    #[error(
        "`start.from = \"{from}\"`: the stage has written no such checkpoint ({}); `@best` needs a holdout \
         with both labels, `@average` an evaluation or a cadence (`checkpoint.every`) after the first update, and `@N` a \
         cadence that comes to update N",
        path.display()
    )]
    NotWritten {
        /// What the scenario says.
        from: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// The existing results started from a file with other content.
    #[error(
        "the results in {} started from other content of {}: remove them, or keep them and give the file \
         another name",
        results.display(), path.display()
    )]
    Changed {
        /// The results.
        results: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// The increments that it stands for cannot be laid over their full checkpoint.
    #[error("`start.from`, {}: {error}", path.display())]
    Replay {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ReplayError,
    },
    /// What it holds.
    #[error("`start.from`, {}: {error}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        error: StartError,
    },
}

/// Makes sure that existing results started from the content that the scenario's checkpoint file,
/// relative to `folder`, has now. A missing file contradicts nothing.
///
/// # Errors [`StartFailed::Changed`].
pub fn check_unchanged(
    results: &Path,
    scenario: &Scenario,
    folder: &Path,
) -> Result<(), StartFailed> {
    let from = scenario.start.as_ref().map(|start| start.from.as_str());
    let Some(from) = from.filter(|from| StageRef::parse(from).is_none()) else { return Ok(()) };
    let path = folder.join(from);
    let noted = Summary::read(results).ok().flatten().and_then(|summary| summary.started_from);
    match (noted, fs::read(&path)) {
        (Some(noted), Ok(bytes)) if noted.sha256 != hex_digest(&bytes) => {
            Err(StartFailed::Changed { results: results.to_path_buf(), path })
        }
        _ => Ok(()),
    }
}

/// The checkpoint file that a job starts from.
#[derive(Debug)]
pub struct StartFile {
    path: PathBuf,
    read: LoadedCheckpoint,
    /// How increments were laid; `None` if it is a full checkpoint.
    replayed: Option<Replayed>,
}

impl StartFile {
    /// Reads the file `path`, from which a job is to start as `start` says; an increment together
    /// with the files before it. `seed` chooses which increment is missing, if one is.
    ///
    /// # Errors [`StartFailed`].
    pub fn read(start: &Start, path: PathBuf, seed: u64) -> Result<StartFile, StartFailed> {
        if StageRef::parse(&start.from).is_some() && !path.exists() {
            return Err(StartFailed::NotWritten { from: start.from.clone(), path });
        }
        let read = match file::read(&path) {
            Ok(read) => read,
            Err(error) => return Err(StartFailed::File { path, error }),
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let missing = Streams::new(seed).key(Purpose::Increment, u64::MAX, 0);
        match replay::replay(read, &folder, start.replay, missing) {
            Ok((read, replayed)) => Ok(StartFile { path, read, replayed }),
            Err(error) => Err(StartFailed::Replay { path, error }),
        }
    }

    /// A checkpoint that is not in a file yet; `path` stands for it in errors.
    pub fn of(path: PathBuf, checkpoint: Checkpoint) -> StartFile {
        StartFile {
            path,
            read: LoadedCheckpoint { checkpoint, about: None, sha256: String::new() },
            replayed: None,
        }
    }

    /// The job's log and model, with rows for the ids that only the checkpoint has: they keep their
    /// rows.
    ///
    /// # Errors
    /// If the model cannot be built.
    pub fn widen(&self, scenario: &Scenario, prepared: Prepared) -> Result<Prepared, BuildError> {
        if scenario.start.as_ref().is_some_and(|start| !start.rows.is_by_id()) {
            return Ok(prepared);
        }
        let listed = |space: &IdSpace| listed_ids(&self.read.checkpoint.tensors, &space.name);
        let known: Vec<_> = prepared.source.schema().spaces.iter().map(listed).collect();
        scenario.widen(prepared, &known)
    }

    /// Lets a job that has not begun start as `start` says. `window` identifies the days and data
    /// that the job is fed.
    ///
    /// # Errors [`StartFailed`]; the job cannot be used then.
    pub fn start(
        &self,
        job: &mut Job,
        start: &Start,
        window: &str,
        seed: u64,
    ) -> Result<Started, StartFailed> {
        let StartFile { path, read, replayed } = self;
        let same_window = read.about.as_ref().is_some_and(|about| about.window == window);
        let how = (&start.restart, start.missing, start.rows);
        let StartReport { missing, rows } = job
            .start_from(&read.checkpoint, how, same_window, seed)
            .map_err(|error| StartFailed::Content { path: path.clone(), error })?;
        Ok(Started {
            updates: read.checkpoint.elapsed.progress.updates,
            scenario: read.about.as_ref().map(|about| about.scenario.clone()),
            from: start.from.clone(),
            sha256: read.sha256.clone(),
            missing,
            rows: rows.by_id.into_iter().map(rows_by_id).collect(),
            by_number: rows.by_number,
            increments: replayed.map(|replayed| replayed.increments),
            fault: replayed.and_then(|_| start.replay.fault()),
            stale_rows: replayed.map_or(0, |replayed| replayed.stale_rows),
        })
    }
}

fn rows_by_id(PlacedRows { space, known, new, carried }: PlacedRows) -> RowsById {
    RowsById { space, known, new, carried }
}
