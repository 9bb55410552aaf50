//! What is read at evaluation for an id that training has not met.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Streams;
use crate::base::stream::mix;
use crate::params::view::{row_range, rows_len};
use crate::params::{Layout, Lookups, Table};

/// What evaluation reads for an id that training has not met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownIds {
    /// Zeros.
    #[default]
    Zeros,
    /// One vector per table, drawn like the first values of a row and never trained, as DeepRec's
    /// default value.
    DefaultVector,
    /// The mean of the table's known rows.
    Mean,
    /// The row of another id, found by a hash.
    Hashed,
    /// The first values of the row that the id would get if training met it.
    FirstValues,
}

impl UnknownIds {
    /// Whether it is the default, which is left out of files.
    pub fn is_default(&self) -> bool {
        *self == UnknownIds::default()
    }
}

/// The rows of one table, of a server or of a copy of it.
pub trait TableRows {
    /// Number of rows.
    fn rows(&self) -> u32;

    /// The weights of a row.
    fn weights(&self, id: u32) -> &[f32];

    /// Whether training has met the id of the row.
    fn is_known(&self, id: u32) -> bool;

    /// Copies the weights of the rows `ids` side by side to `out`.
    fn copy(&self, ids: &[u32], out: &mut [f32]);
}

/// What the unknown ids of one table read.
#[derive(Clone, Debug)]
pub(super) enum Stand<'a, T> {
    /// The row of the id itself.
    Own,
    /// This row.
    In(Vec<f32>),
    /// The next known row from a hash of the id on.
    Another(&'a T),
}

impl<T: TableRows> Stand<'_, T> {
    /// What the unknown ids of `rows` read; `index` is the number of the table.
    pub(super) fn of<'a>(
        unknown: UnknownIds,
        (rows, table, index): (&'a T, &Table, usize),
        streams: Streams,
    ) -> Stand<'a, T> {
        let zeros = || vec![0.0; table.dim];
        match unknown {
            UnknownIds::Zeros => Stand::In(zeros()),
            UnknownIds::DefaultVector => {
                let mut row = zeros();
                table.init.fill(streams, index as u64, u64::MAX, &mut row);
                Stand::In(row)
            }
            UnknownIds::Mean => Stand::In(mean(rows, table.dim)),
            UnknownIds::Hashed => Stand::Another(rows),
            UnknownIds::FirstValues => Stand::Own,
        }
    }

    /// Fills the row of an unknown id.
    pub(super) fn fill(&self, id: u32, row: &mut [f32]) {
        match self {
            Stand::Own => {}
            Stand::In(values) => row.copy_from_slice(values),
            Stand::Another(table) => {
                let rows = table.rows();
                let first = (mix(u64::from(id)) % u64::from(rows.max(1))) as u32;
                match (first..rows).chain(0..first).find(|&other| table.is_known(other)) {
                    Some(other) => row.copy_from_slice(table.weights(other)),
                    None => row.fill(0.0),
                }
            }
        }
    }
}

/// The mean of the known rows; zeros if there are none.
fn mean(table: &impl TableRows, dim: usize) -> Vec<f32> {
    let (mut sums, mut rows) = (vec![0.0f64; dim], 0u32);
    for id in (0..table.rows()).filter(|&id| table.is_known(id)) {
        rows += 1;
        sums.iter_mut().zip(table.weights(id)).for_each(|(sum, w)| *sum += f64::from(*w));
    }
    sums.into_iter().map(|sum| (sum / f64::from(rows.max(1))) as f32).collect()
}

/// Tables as evaluation and serving read them: known rows as they are, and for other ids what
/// [`UnknownIds`] says.
#[derive(Debug)]
pub struct EvaluatedRows<'a, T> {
    layout: &'a Layout,
    tables: &'a [T],
    stands: Vec<Stand<'a, T>>,
}

impl<'a, T: TableRows> EvaluatedRows<'a, T> {
    /// The tables of a layout. `fixed` names those whose rows are all there from the start, because
    /// ids are hashed into them.
    pub(super) fn new(
        (layout, tables): (&'a Layout, &'a [T]),
        (unknown, fixed): (UnknownIds, &[bool]),
        streams: Streams,
    ) -> EvaluatedRows<'a, T> {
        let stand = |(t, table): (usize, &_)| {
            let unknown =
                if fixed.get(t) == Some(&true) { UnknownIds::FirstValues } else { unknown };
            Stand::of(unknown, (&tables[t], table, t), streams)
        };
        let stands = layout.tables.iter().enumerate().map(stand).collect();
        EvaluatedRows { layout, tables, stands }
    }

    /// Copies the rows of `lookups` from all shards at once.
    pub fn gather(&self, lookups: &Lookups, rows: &mut Vec<f32>) {
        rows.resize(rows_len(self.layout, lookups), 0.0);
        for (t, table) in self.layout.tables.iter().enumerate() {
            let into = &mut rows[row_range(self.layout, lookups, t)];
            let (from, ids) = (&self.tables[t], &lookups.ids[table.space]);
            from.copy(ids, into);
            for (&id, row) in ids.iter().zip(into.chunks_exact_mut(table.dim.max(1))) {
                if !from.is_known(id) {
                    self.stands[t].fill(id, row);
                }
            }
        }
    }
}
