//! The errors of results.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Results that cannot be read. A missing file is not an error: the trial has not reached that
/// point.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// The folder itself is missing.
    #[error("{path} is not a folder: give the results folder of a run")]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is not a results folder.
    #[error(
        "{path} holds neither a run (resolved.toml, summary.json) nor a sweep (plan.jsonl); give the \
         results folder of one"
    )]
    NotResults {
        /// The folder.
        path: PathBuf,
    },
    /// There is a link in the place of a folder inside it.
    #[error("{0}")]
    Link(String),
    /// The folder is that of a restart lab, and a run or a sweep is wanted.
    #[error(
        "{path} is the folder of a restart lab; `straggler report`, `resume` and `export` know it"
    )]
    IsLab {
        /// The folder.
        path: PathBuf,
    },
    /// No point, or several, of this number or label.
    #[error("{path} has no single point \"{wanted}\"; its points are{}", listed(.points))]
    NoPoint {
        /// The folder.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
        /// The labels of its points.
        points: Vec<String>,
    },
    /// A file exists and cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file exists, but not as a run or a sweep writes it.
    #[error("{path}, line {line}: {problem}; was the file edited or cut off?")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// What is wrong in it.
        problem: String,
    },
}

/// The first labels of a list, one per line.
fn listed(labels: &[String]) -> String {
    const SHOWN: usize = 20;
    let numbered = labels.iter().enumerate().take(SHOWN);
    let mut text: String = numbered.map(|(index, label)| format!("\n  {index}  {label}")).collect();
    if labels.len() > SHOWN {
        text.push_str(&format!("\n  ... and {} more", labels.len() - SHOWN));
    }
    text
}

/// A file as text; `None` if there is no file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, OutcomeError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OutcomeError::Read { path: path.to_path_buf(), error }),
    }
}
