//! What is wrong with a document: one [`Problem`] per mistake, all of them in [`Problems`].

use super::errors::Code;
use super::source::{Origin, Sources};

/// After so many mistakes in one text the search ends.
pub const MAX_PROBLEMS: usize = 1000;

/// Whether a problem stops the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Nothing is started.
    Error,
    /// Legal, and probably not intended.
    Warning,
}

/// A caret under a piece of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The piece of text.
    pub origin: Origin,
    /// What is written next to the caret; may be empty.
    pub text: String,
}

/// One mistake. Built up in a chain: `Problem::error(&CODE, path, message).label(..).help(..)`.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The class of mistake, for `straggler explain`.
    pub code: &'static Code,
    /// Whether it stops the run.
    pub severity: Severity,
    /// The key concerned, as in `cluster.class.old.share`; empty for the whole document.
    pub path: String,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; the first is the main one.
    pub labels: Vec<Label>,
    /// What is allowed or what to type, one line each.
    pub help: Vec<String>,
}

/// Everything that is wrong with a document, with the texts needed to point at it.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The texts.
    pub sources: Sources,
    /// Errors and warnings in the order of the text.
    pub list: Vec<Problem>,
}

impl Problem {
    /// A mistake that stops the run.
    pub fn error(code: &'static Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Problem {
            code,
            severity: Severity::Error,
            path: path.into(),
            message: message.into(),
            labels: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Something legal that is probably not intended.
    pub fn warning(
        code: &'static Code,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(code, path, message) }
    }

    /// Points at a piece of text. A default, which is written nowhere, adds a line of help instead.
    pub fn label(mut self, origin: Origin, text: impl Into<String>) -> Self {
        let text = text.into();
        match origin.is_default() {
            false => self.labels.push(Label { origin, text }),
            true if !text.is_empty() => self.help.push(format!("{text} (default)")),
            true => {}
        }
        self
    }

    /// Adds a line that says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

impl Problems {
    /// Whether any of them stops the run.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many there are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        let same = |problem: &&Problem| problem.severity == severity;
        self.list.iter().filter(same).count()
    }

    /// Brings them into the order of the text.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|problem| {
            let first = problem.labels.first();
            first.map(|label| label.origin)
        });
    }
}

impl std::error::Error for Problems {}
