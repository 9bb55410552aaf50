//! What is done to every cell before it is read: blanks at its ends go, and texts that mean that
//! there is nothing become nothing.

use super::split::Span;

/// Texts that programs write for an empty cell.
pub(in crate::data) const MISSING_TEXTS: &[&str] =
    &["NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "None", "\\N"];

/// How cells are tidied, of numbers and texts alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tidy {
    /// Whether blanks at both ends are left out.
    pub(crate) trim: bool,
    /// Texts that stand for an empty cell.
    missing: Vec<Box<[u8]>>,
}

impl Default for Tidy {
    fn default() -> Self {
        Tidy { trim: true, missing: Vec::new() }
    }
}

impl Tidy {
    /// The tidying of these settings.
    pub(crate) fn new(trim: bool, missing: &[String]) -> Tidy {
        Tidy { trim, missing: missing.iter().map(|text| text.as_bytes().into()).collect() }
    }

    /// Whether texts stand for empty cells.
    pub(crate) fn knows_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    /// What is left of a cell.
    #[inline]
    pub(crate) fn cell(&self, block: &[u8], cell: Span) -> Span {
        let cell = if self.trim { cell.trimmed(block) } else { cell };
        let text = &block[cell.start as usize..cell.end as usize];
        match self.missing.iter().any(|missing| **missing == *text) {
            true => Span { end: cell.start, ..cell },
            false => cell,
        }
    }

    /// Tidies cells in place.
    pub(crate) fn cells(&self, block: &[u8], cells: &mut [Span]) {
        if self.trim || self.knows_missing() {
            cells.iter_mut().for_each(|cell| *cell = self.cell(block, *cell));
        }
    }
}
