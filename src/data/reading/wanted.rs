//! The columns of a table that are wanted.

/// The columns that a mapping uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Their names.
    pub(crate) columns: Vec<&'a str>,
    /// Those of them that may hold lists.
    pub(crate) lists: Vec<&'a str>,
}
