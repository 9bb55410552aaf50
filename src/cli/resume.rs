//! `straggler resume`: goes on with what a folder holds, without the arguments it was begun with.

use super::args::Resume;
use super::exit::{Exit, Failure};
use super::sweep::execute;
use crate::experiment::run_info::files_from;
use crate::experiment::sweep::{Plan, PlanError};

pub(super) fn resume(args: &Resume) -> Result<Exit, Failure> {
    let folder = &args.folder;
    let files = args.files.clone().or_else(|| files_from(folder)).ok_or_else(|| {
        let message = format!(
            "{} does not say where the scenario's files are (run-info.json is missing); give their folder \
             with --files",
            folder.display()
        );
        Failure::new(Exit::Folder, message)
    })?;
    let plan = Plan::read(folder, files)?;
    execute(&plan, Some(folder), &args.sweeping)
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Failure::new(Exit::Folder, error)
    }
}
