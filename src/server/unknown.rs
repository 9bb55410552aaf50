//! What is read at evaluation for an id that training has not met.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::table::TableStore;
use crate::base::Streams;
use crate::base::stream::mix;
use crate::params::Table;

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

/// What the unknown ids of one table read.
#[derive(Clone, Debug)]
pub(super) enum Stand<'a> {
    /// The row of the id itself.
    Own,
    /// This row.
    In(Vec<f32>),
    /// The next known row from a hash of the id on.
    Another(&'a TableStore),
}

impl Stand<'_> {
    /// What the unknown ids of `store` read; `index` is the number of the table.
    pub(super) fn of<'a>(
        unknown: UnknownIds,
        (store, table, index): (&'a TableStore, &Table, usize),
        streams: Streams,
    ) -> Stand<'a> {
        let zeros = || vec![0.0; table.dim];
        match unknown {
            UnknownIds::Zeros => Stand::In(zeros()),
            UnknownIds::DefaultVector => {
                let mut row = zeros();
                table.init.fill(streams, index as u64, u64::MAX, &mut row);
                Stand::In(row)
            }
            UnknownIds::Mean => Stand::In(mean(store, table.dim)),
            UnknownIds::Hashed => Stand::Another(store),
            UnknownIds::FirstValues => Stand::Own,
        }
    }

    /// Fills the row of an unknown id.
    pub(super) fn fill(&self, id: u32, row: &mut [f32]) {
        match self {
            Stand::Own => {}
            Stand::In(values) => row.copy_from_slice(values),
            Stand::Another(store) => {
                let rows = store.rows();
                let first = (mix(u64::from(id)) % u64::from(rows.max(1))) as u32;
                match (first..rows).chain(0..first).find(|&other| store.is_known(other)) {
                    Some(other) => row.copy_from_slice(store.weights(other)),
                    None => row.fill(0.0),
                }
            }
        }
    }
}

/// The mean of the known rows; zeros if there are none.
fn mean(store: &TableStore, dim: usize) -> Vec<f32> {
    let (mut sums, mut rows) = (vec![0.0f64; dim], 0u32);
    for id in (0..store.rows()).filter(|&id| store.is_known(id)) {
        rows += 1;
        sums.iter_mut().zip(store.weights(id)).for_each(|(sum, w)| *sum += f64::from(*w));
    }
    sums.into_iter().map(|sum| (sum / f64::from(rows.max(1))) as f32).collect()
}
