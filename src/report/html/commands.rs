//! The last section of a page: shell commands that reproduce the results and every figure.

use super::section::{Section, SectionPart};
use crate::report::figure::grid::{Grid, text};

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
