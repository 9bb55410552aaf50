//! The last section of a page: shell commands that reproduce the results and every figure.

use super::section::{Section, SectionPart};
use crate::report::figure::grid::{Grid, text};

/// A word of a shell command, quoted if necessary.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// The command that writes the page of a results folder again, in that folder.
pub(super) const REPORT: &str = "straggler report .";

/// Where the commands of a page of one results folder are for.
pub(super) const HERE: &str = "the folder of this page";

/// Commands for one purpose. None names the folder of the page, so that the page does not depend on
/// it.
pub(super) struct Purpose {
    /// What they do.
    pub(super) purpose: String,
    /// The commands.
    pub(super) lines: Vec<String>,
}

impl Purpose {
    /// One command.
    pub(super) fn new(purpose: impl Into<String>, line: impl Into<String>) -> Purpose {
        Purpose { purpose: purpose.into(), lines: vec![line.into()] }
    }
}

/// The last section: `commands` for a shell in `place`, and the file behind every figure of
/// `sections`.
pub(super) fn section(
    place: &str,
    commands: Vec<Purpose>,
    sections: &[Section],
    again: &str,
) -> Section {
    let mut parts = vec![SectionPart::Text(format!("These commands are for a shell in {place}."))];
    parts.extend(commands.into_iter().map(|c| SectionPart::Commands(c.purpose, c.lines)));
    let columns = vec![text("figure"), text("file"), text("command")];
    let mut grid = Grid::new("Where each figure comes from", columns);
    for figure in sections.iter().flat_map(Section::figures) {
        grid.rows.push(vec![figure.title.clone(), figure.file.clone(), again.to_string()]);
    }
    parts.push(SectionPart::Folded("Where each figure comes from".to_string(), grid));
    Section { id: "reproduce", title: "How to reproduce this page", parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_are() {
        assert_eq!(quoted("results/demo-3f9a1c"), "results/demo-3f9a1c");
        assert_eq!(quoted("my run"), "'my run'");
        assert_eq!(quoted("it's; rm -rf"), "'it'\\''s; rm -rf'");
        assert_eq!(quoted("-o"), "'-o'");
    }
}
