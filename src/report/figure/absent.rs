//! Why there is no figure.

/// Why a figure is not drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoFigure {
    /// Its data are missing; the text says which.
    Missing(String),
    /// A picture would show nothing; the sentence says all that there is to know.
    Sentence(String),
}

impl From<String> for NoFigure {
    fn from(missing: String) -> NoFigure {
        NoFigure::Missing(missing)
    }
}

impl NoFigure {
    /// The reason as a part of a sentence, without a full stop.
    pub fn reason(&self) -> &str {
        match self {
            NoFigure::Missing(reason) => reason,
            NoFigure::Sentence(sentence) => sentence.trim_end_matches('.'),
        }
    }
}
