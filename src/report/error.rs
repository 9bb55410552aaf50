//! What can be wrong with a results folder.

use std::path::PathBuf;

/// A results folder that cannot be reported on. A file that is not there is no error: what it
/// would show is skipped.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder itself is missing.
    #[error("{} is not a folder: give the results folder of a run", .0.display())]
    NoFolder(PathBuf),
    /// A file is there and cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is there and is not what a run writes.
    #[error("{}, line {line}: {problem}; was the file edited or cut off?", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Its line, counted from 1.
        line: u64,
        /// What is wrong in it.
        problem: String,
    },
    /// Results that are none, or that cannot be read.
    #[error(transparent)]
    Results(#[from] crate::experiment::outcome::OutcomeError),
    /// A plot or a page cannot be written.
    #[error("cannot write {}: {problem}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
}
