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

/// The last section: `commands`, each with its purpose, and the file behind every figure of
/// `sections`.
pub(super) fn section(
    commands: Vec<(String, Vec<String>)>,
    sections: &[Section],
    again: &str,
) -> Section {
    let mut parts: Vec<SectionPart> =
        commands.into_iter().map(|(what, lines)| SectionPart::Commands(what, lines)).collect();
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
