//! The errors of reports.

use std::path::PathBuf;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder has no results, or they cannot be read.
    #[error(transparent)]
    Results(#[from] crate::results::OutcomeError),
    /// A plot or a page cannot be written.
    #[error("cannot write {}: {problem}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The reason.
        problem: String,
    },
}
