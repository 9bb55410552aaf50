//! The folder of a restart lab.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::OutcomeError;
use super::folder::{LAB_DONE, LAB_FORKS, RESOLVED, is_lab};
use super::json;
use super::outcome::{Settings, TrialOutcome};

/// The content of `lab.json`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LabFile {
    /// `restart_lab`.
    pub kind: String,
    /// Name of the scenario.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its question.
    pub question: String,
    /// Which programs mean the same by the same scenario.
    pub semantics: u32,
    /// The answer, in sentences.
    pub verdict: Vec<String>,
    /// The controls that every lab makes by itself.
    pub controls: Vec<Control>,
    /// SHA-256 of each table.
    pub files: Vec<(String, String)>,
}

/// A control: it comes out as expected if the simulator is right.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Control {
    /// What is checked.
    pub name: String,
    /// Workers of the base runs.
    pub workers: u32,
    /// Base runs in which it holds.
    pub holds: usize,
    /// All of them.
    pub of: usize,
}

/// The folder of a lab, finished or not.
#[derive(Clone, PartialEq, Debug)]
pub struct LabFolder {
    /// The folder.
    pub path: PathBuf,
    /// What a finished lab says.
    pub done: Option<LabFile>,
    /// Base runs that are done.
    pub bases_done: usize,
    /// All base runs.
    pub bases: usize,
    /// Every value of its scenario, by dotted key.
    pub settings: Settings,
}

impl LabFolder {
    /// The lab in `path`; `None` if the folder is not that of a lab.
    ///
    /// # Errors
    /// If one of its files cannot be read.
    pub fn open(path: &Path) -> Result<Option<LabFolder>, OutcomeError> {
        if !is_lab(path) {
            return Ok(None);
        }
        let done = json::read(&path.join(LAB_DONE))?;
        let settings = match path.join(RESOLVED).is_file() {
            true => TrialOutcome::of_run(path, 0).settings()?,
            false => Settings::new(),
        };
        let count = |key: &str| settings.get(key).and_then(serde_json::Value::as_u64).unwrap_or(0);
        let numbers = settings.get("lab.workers").and_then(serde_json::Value::as_array);
        let bases = numbers.map_or(0, Vec::len) * count("lab.seeds") as usize;
        let forks = fs::read_dir(path.join(LAB_FORKS)).into_iter().flatten().flatten();
        let is_fork =
            |entry: &fs::DirEntry| entry.path().extension().is_some_and(|end| end == "fork");
        let bases_done = forks.filter(is_fork).count();
        Ok(Some(LabFolder { path: path.to_path_buf(), done, bases_done, bases, settings }))
    }
}
