//! What the commands about logs of steps share.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::log_args::FitColumnArgs;
use crate::base::counted;
use crate::experiment::fit::FitError;
use crate::experiment::fit::clean::clean;
use crate::experiment::fit::columns::Columns;
use crate::experiment::fit::log::StepLog;
use crate::experiment::fit::refusals::refuse_unfit;
use crate::experiment::fit::rows::Rows;

/// Letters of a worker's name that are shown.
const LONGEST_NAME: usize = 40;

/// Reads a log of steps. Returns it with what was done to it, each a sentence.
pub(super) fn read_log(
    path: &Path,
    args: &FitColumnArgs,
) -> Result<(StepLog, Vec<String>), Failure> {
    read(path, args).map_err(|error| match error {
        FitError::Unreadable { .. } | FitError::Column { .. } | FitError::Missing { .. } => {
            failure(&error)
        }
        error => Failure::new(Exit::Data, format!("{}: {error}", path.display())),
    })
}

fn read(path: &Path, args: &FitColumnArgs) -> Result<(StepLog, Vec<String>), FitError> {
    let rows = Rows::read(path, &columns(args))?;
    let mut said = Vec::new();
    let log = if args.clean {
        if let Some(first) = &rows.first {
            let wrong =
                counted(rows.wrong, "row that cannot be right", "rows that cannot be right");
            said.push(format!("left out: {wrong} ({first})"));
        }
        let (log, more) = clean(StepLog::from_rows(rows.right)?)?;
        said.extend(more);
        log
    } else {
        StepLog::from_rows(rows.all_right()?)?
    };
    refuse_unfit(&log, args.asynchronous)?;
    Ok((log, said))
}

pub(super) fn failure(error: &FitError) -> Failure {
    let exit = match error {
        FitError::Column { .. } | FitError::Missing { .. } => Exit::Usage,
        FitError::Unwritable { .. } => Exit::Write,
        FitError::Simulation(_) => Exit::Simulation,
        FitError::Exists { .. } => Exit::Refused,
        FitError::Unreadable { .. }
        | FitError::Row { .. }
        | FitError::Rows { .. }
        | FitError::Unfit(_)
        | FitError::Short { .. }
        | FitError::Times(_) => Exit::Data,
    };
    Failure::new(exit, error)
}

fn columns(args: &FitColumnArgs) -> Columns {
    Columns {
        worker: args.worker.clone(),
        step: args.step.clone(),
        step_time: args.step_time.clone(),
        pull_begin: args.pull_begin.clone(),
        pull_end: args.pull_end.clone(),
        push_begin: args.push_begin.clone(),
        push_end: args.push_end.clone(),
        pull_version: args.pull_version.clone(),
        push_version: args.push_version.clone(),
        staleness: args.staleness.clone(),
        begin: args.start.clone(),
        end: args.end.clone(),
    }
}

pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_string(), |value| format!("{value:.3}"))
}

pub(super) fn off(predicted: Option<f64>, logged: Option<f64>) -> String {
    match (predicted, logged) {
        (Some(predicted), Some(logged)) if logged > 0.0 => {
            format!("{:+.1} %", 100.0 * (predicted / logged - 1.0))
        }
        _ => "-".to_string(),
    }
}

/// A name that does not widen a table: its beginning, if it is long.
pub(super) fn short(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_string(),
    }
}

/// A name of a scenario: letters, digits and hyphens.
pub(super) fn file_name(name: &str) -> String {
    let word = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    name.chars().map(word).collect()
}
