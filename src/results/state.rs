//! How far a trial has come.

use std::path::Path;

/// The file of a run that is done; written last.
pub const SUMMARY: &str = "summary.json";
/// This file is written in its place for a run that blew up, stalled or failed.
pub const DIAGNOSIS: &str = "diagnosis.json";

/// How far a trial has come, as its files say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// `summary.json` exists.
    Done,
    /// `diagnosis.json` exists, and no `summary.json`: it blew up, stalled or failed.
    Failed,
    /// Neither exists: not begun, running, or interrupted.
    ToDo,
}

impl State {
    /// The state of the run in `folder`; at most two questions to the file system.
    pub fn of(folder: &Path) -> State {
        if folder.join(SUMMARY).exists() {
            State::Done
        } else if folder.join(DIAGNOSIS).exists() {
            State::Failed
        } else {
            State::ToDo
        }
    }

    /// The word that files use.
    pub fn name(self) -> &'static str {
        match self {
            State::Done => "done",
            State::Failed => "failed",
            State::ToDo => "to do",
        }
    }
}
