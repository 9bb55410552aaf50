//! The parameters that a worker holds, as the model reads them.

use std::ops::Range;

use super::{Layout, Lookups};

/// The parameters that a worker holds for one batch. The model reads no others.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, F> {
    /// The dense arena.
    pub dense: &'a [F],
    /// The non-trainable arena.
    pub moving: &'a [F],
    /// The distinct rows of every table, table after table; see [`row_range`].
    pub rows: &'a [F],
    /// The ids of these rows, and the places at which the batch refers to them.
    pub lookups: &'a Lookups,
}

/// Range of table `table` in an arena of distinct rows: `distinct ids x dim` numbers.
pub fn row_range(layout: &Layout, lookups: &Lookups, table: usize) -> Range<usize> {
    let size = |t: usize| lookups.ids[layout.tables[t].space].len() * layout.tables[t].dim;
    let start = (0..table).map(size).sum();
    start..start + size(table)
}

/// Length of an arena of distinct rows.
pub fn rows_len(layout: &Layout, lookups: &Lookups) -> usize {
    layout.tables.iter().map(|table| lookups.ids[table.space].len() * table.dim).sum()
}
