//! What can be wrong with a report.

use std::path::PathBuf;

/// A results folder that cannot be reported on.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Results that are none, or that cannot be read.
    #[error(transparent)]
    Results(#[from] crate::results::OutcomeError),
    /// A plot or a page cannot be written.
    #[error("cannot write {}: {problem}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
}
