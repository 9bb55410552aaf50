//! The sections of a page and what they are made of.

use crate::report::figure::Figure;
use crate::report::figure::grid::Grid;

/// A part of a page under a heading.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its name in the page: small letters, digits and hyphens.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it holds.
    pub parts: Vec<Part>,
}

/// What a section is made of.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// A sentence.
    Text(String),
    /// A figure.
    Figure(Box<Figure>),
    /// A table that can be sorted.
    Table(Grid),
    /// A table behind a line that opens it.
    Folded(String, Grid),
    /// Something to type: what for, and the commands.
    Commands(String, Vec<String>),
}

impl Section {
    /// A section of figures, those that cannot be drawn replaced by the reason.
    pub(super) fn of_figures(
        id: &'static str,
        title: &'static str,
        figures: impl IntoIterator<Item = Result<Figure, String>>,
    ) -> Section {
        let part = |figure| match figure {
            Ok(figure) => Part::Figure(Box::new(figure)),
            Err(reason) => Part::Text(format!("Not shown: {reason}.")),
        };
        Section { id, title, parts: figures.into_iter().map(part).collect() }
    }

    /// The figures in it.
    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.parts.iter().filter_map(|part| match part {
            Part::Figure(figure) => Some(figure.as_ref()),
            _ => None,
        })
    }
}
