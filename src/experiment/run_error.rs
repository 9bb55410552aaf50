//! Why a trial did not finish.

use std::path::PathBuf;

use super::checkpoint::StartFailed;
use crate::base::ByteSize;
use crate::data::LeakError;
use crate::results::folder::FolderError;
use crate::results::outcome::OutcomeError;
use crate::scenario::build::BuildError;
use crate::scenario::stage::StageError;
use crate::sim::SimError;

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
    /// Its stages are not valid.
    #[error(transparent)]
    Stages(#[from] StageError),
    /// A stage cannot be run.
    #[error("stage `{stage}`: {error}")]
    InStage {
        /// Its name.
        stage: String,
        /// Why.
        error: Box<RunError>,
    },
    /// A stage is evaluated on days that a stage was trained on from which it started.
    #[error("stage `{stage}` comes from stage `{of}`: {error}")]
    StageLeak {
        /// The stage that is evaluated.
        stage: String,
        /// The stage that was trained.
        of: String,
        /// The days.
        error: LeakError,
    },
    /// A stage starts from the best step of another one, which cannot tell its best step.
    #[error(
        "stage `{stage}` starts from the best step of stage `{of}`, whose holdout cannot tell one: the half \
         that chooses it has one label only, or there is no holdout; evaluate on other days (`holdout.days`), or \
         start from \"stage:{of}@last\""
    )]
    NoBest {
        /// The stage that starts.
        stage: String,
        /// The stage that it starts from.
        of: String,
    },
    /// Two ids have the same hash, and checkpoints are to list hashes alone.
    #[error(
        "two ids of `{space}` have the same hash of 64 bits, `{}` and `{}`: checkpoints without their texts could not \
         tell their rows apart; leave out `checkpoint.ids`, or give one of them another name in the data",
        ids[0], ids[1]
    )]
    SameHash {
        /// The id space.
        space: String,
        /// The ids.
        ids: [String; 2],
    },
    /// It cannot start from its checkpoint.
    #[error(transparent)]
    Start(#[from] StartFailed),
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
    /// A file of this run was changed or removed by somebody else.
    #[error("{path} is missing, or not as this run has written it; --force runs it again")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Files of an earlier run, or of this one, cannot be read.
    #[error(transparent)]
    Read(#[from] OutcomeError),
    /// The run was asked to stop.
    #[error(
        "Stopped as asked{}. To continue: straggler resume {path}",
        if *.saved { ", and saved" } else { "; not saved again, because too many gradients are under way" }
    )]
    Interrupted {
        /// Number of the signal.
        signal: usize,
        /// Whether its last state is saved.
        saved: bool,
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

impl RunError {
    /// The same error, of the stage with this name if there is one.
    pub(super) fn in_stage(self, stage: Option<&str>) -> RunError {
        match stage {
            Some(stage) => RunError::InStage { stage: stage.into(), error: Box::new(self) },
            None => self,
        }
    }
}
