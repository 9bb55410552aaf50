//! What the commands about logs of steps share.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::log_args::FitColumnArgs;
use crate::experiment::fit::FitError;
use crate::experiment::fit::log::{Columns, StepLog};

/// Letters of a worker's name that are shown.
const LONGEST_NAME: usize = 40;

/// Reads a log of steps.
pub(super) fn read_log(path: &Path, columns: &Columns) -> Result<StepLog, Failure> {
    StepLog::read(path, columns).map_err(|error| match error {
        FitError::Row { .. } | FitError::Short { .. } | FitError::Times(_) => {
            Failure::new(Exit::Data, format!("{}: {error}", path.display()))
        }
        error => failure(&error),
    })
}

pub(super) fn failure(error: &FitError) -> Failure {
    let exit = match error {
        FitError::Column { .. } | FitError::Missing { .. } => Exit::Usage,
        FitError::Unwritable { .. } => Exit::Write,
        FitError::Simulation(_) => Exit::Simulation,
        FitError::Exists { .. } => Exit::Refused,
        FitError::Unreadable { .. }
        | FitError::Row { .. }
        | FitError::Short { .. }
        | FitError::Times(_) => Exit::Data,
    };
    Failure::new(exit, error)
}

pub(super) fn columns(args: &FitColumnArgs) -> Columns {
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
