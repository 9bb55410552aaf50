//! The sections of a page, and the parts of a section.

use crate::report::figure::grid::Grid;
use crate::report::figure::{Figure, NoFigure};

/// A part of a page under a heading.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its name in the page: small letters, digits and hyphens.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Its parts.
    pub parts: Vec<SectionPart>,
}

/// A part of a section.
#[derive(Clone, Debug)]
pub(super) enum SectionPart {
    /// A sentence.
    Text(String),
    /// A figure.
    Figure(Box<Figure>),
    /// A table that can be sorted.
    Table(Grid),
    /// A table that is hidden until the reader opens it, and the line that opens it.
    Folded(String, Grid),
    /// Commands to type, with their purpose.
    Commands(String, Vec<String>),
}

impl Section {
    /// A section of figures. For a figure that cannot be drawn it says why.
    pub(super) fn of_figures(
        id: &'static str,
        title: &'static str,
        figures: impl IntoIterator<Item = Result<Figure, impl Into<NoFigure>>>,
    ) -> Section {
        let parts = figures.into_iter().map(|figure| match figure.map_err(Into::into) {
            Ok(figure) => SectionPart::Figure(Box::new(figure)),
            Err(NoFigure::Missing(reason)) => SectionPart::Text(format!("Not shown: {reason}.")),
            Err(NoFigure::Sentence(sentence)) => SectionPart::Text(sentence),
        });
        Section { id, title, parts: parts.collect() }
    }

    /// The figures in it.
    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.parts.iter().filter_map(|part| match part {
            SectionPart::Figure(figure) => Some(figure.as_ref()),
            _ => None,
        })
    }
}
