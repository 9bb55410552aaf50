//! What a log looks like beside what its settings say: legal, and probably not intended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a remark is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RemarkKind {
    /// The log may be meant in another way.
    Meaning,
    /// Nothing measures the quality of the model.
    Unmeasured,
    /// A setting has no effect on this log.
    NoEffect,
}

/// One remark about a log, for people. It is no error: the log is used as its settings say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about.
    pub kind: RemarkKind,
    /// The key of the scenario that would change it, as in `data.history.padding`.
    pub key: String,
    /// What was seen, with a value that does occur.
    pub message: String,
    /// What to write if it is not intended.
    pub help: String,
}

impl Remark {
    /// A remark about `key`, the full path in a scenario.
    pub fn new(
        key: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Remark {
        let (key, message, help) = (key.into(), message.into(), help.into());
        Remark { kind: RemarkKind::Meaning, key, message, help }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}
