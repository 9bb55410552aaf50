//! JSON files of a results folder.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{OutcomeError, read_text};
use super::folder::{FolderError, write_atomically};

/// The content of a file; `None` if there is no file.
///
/// # Errors If the file exists and cannot be read.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, OutcomeError> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let read = serde_json::from_str(&text).map_err(|error| OutcomeError::Malformed {
        line: error.line(),
        problem: error.to_string(),
        path: path.to_path_buf(),
    })?;
    Ok(Some(read))
}

/// Writes a file that people can read, whole or not at all.
///
/// # Errors If the system refuses; an earlier file stays as it was.
pub fn write(path: &Path, content: &impl Serialize) -> Result<(), FolderError> {
    let mut text = serde_json::to_vec_pretty(content).expect("plain data is valid JSON");
    text.push(b'\n');
    write_atomically(path, &text)
}
