//! `straggler resume`: continues the work of a folder, without the arguments that it was begun
//! with.

use std::path::{Path, PathBuf};

use super::args::{ResumeArgs, StatusArgs};
use super::exit::{Exit, Failure};
use super::run::ProgressDisplay;
use super::{lab, load, run, status, sweep};
use crate::experiment::lab::RestartLab;
use crate::experiment::run_info;
use crate::experiment::sweep::{PlanError, SweepPlan};
use crate::results::folder::{FolderError, RESOLVED, is_lab, lock};
use crate::scenario::document::DocumentInput;

pub(super) fn resume(args: &ResumeArgs) -> Result<Exit, Failure> {
    let folder = &args.folder;
    if args.list {
        return status::status(&StatusArgs { folder: folder.clone(), json: args.sweeping.json });
    }
    let files = files_of(folder, args.files.as_deref())?;
    if folder.join("plan.jsonl").exists() {
        let plan = SweepPlan::read(folder, files)?;
        return sweep::execute(&plan, Some(folder), &args.sweeping);
    }
    let resolved = folder.join(RESOLVED);
    if is_lab(folder) {
        let loaded = load::scenario(DocumentInput::File(&resolved), &[], &[])?;
        let lab = RestartLab::new(loaded.value);
        let (threads, quiet) = (load::threads(args.sweeping.threads), args.sweeping.quiet);
        return lab::execute(&lab, folder, &files, threads, quiet);
    }
    let sweeping = &args.sweeping;
    let loaded = load::scenario(DocumentInput::File(&resolved), &[], &[])?;
    let threads = load::threads(sweeping.threads);
    let trial = load::trial(&loaded, &files, threads)?;
    let look = ProgressDisplay {
        progress: sweeping.progress.with(sweeping.quiet, sweeping.plain),
        plain: sweeping.plain,
        plots: true,
        force: sweeping.force,
        save_every: sweeping.save_every,
    };
    let done = run::execute(trial, Some(folder), threads, look)?;
    run::end(&done, sweeping.json)
}

/// The folder of the scenario's files: as given, or as the results folder says.
pub(super) fn files_of(folder: &Path, given: Option<&Path>) -> Result<PathBuf, Failure> {
    let known = || run_info::read(folder).map(|info| info.files_from);
    given.map(Path::to_path_buf).or_else(known).ok_or_else(|| {
        // A process that has just begun writes it next.
        let held = folder.join(".lock").exists().then(|| lock(folder, ".lock"));
        if let Some(Err(error @ FolderError::Busy { .. })) = held {
            return Failure::new(Exit::Folder, error);
        }
        let message = format!(
            "{} does not say where the scenario's files are (run-info.json is missing); give their folder \
             with --files",
            folder.display()
        );
        Failure::new(Exit::Folder, message)
    })
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Failure::new(Exit::Folder, error)
    }
}
