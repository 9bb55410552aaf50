//! Mini-batch-aware L2 regularisation of embedding rows (Zhou et al. 2017, section 4.2 of arXiv
//! 1706.06978). Only the rows that a batch touches are pulled towards zero: a row with `n`
//! occurrences in the data by `lambda / n`.

use std::sync::Arc;

use crate::nn::Real;
use crate::nn::gemm::add_scaled;
use crate::params::view::row_range;
use crate::params::{Gradient, Layout, View};

use super::ModelContext;
use super::ModelError;
use super::error::non_negative;

/// The regulariser `lambda / 2 * sum of |w_r|^2 / n_r` over the distinct rows `r` of a batch. With
/// no counts, every `n_r` is one.
#[derive(Clone, Debug)]
pub(super) struct EmbeddingL2 {
    /// Strength; zero switches it off.
    lambda: f64,
    /// Occurrences of every id in the data, by id space.
    counts: Option<Arc<Vec<Vec<u32>>>>,
}

impl EmbeddingL2 {
    /// The regulariser of strength `lambda`, the key `l2_embedding` of a configuration.
    pub(super) fn new(lambda: f64, context: ModelContext) -> Result<EmbeddingL2, ModelError> {
        let lambda = non_negative("l2_embedding", lambda)?;
        Ok(EmbeddingL2 { lambda, counts: context.counts })
    }

    /// Adds `lambda w_r / n_r` to the gradient of every distinct row.
    pub(super) fn add<F: Real>(
        &self,
        layout: &Layout,
        view: View<'_, F>,
        gradient: &mut Gradient<F>,
    ) {
        if self.lambda == 0.0 {
            return;
        }
        for (t, table) in layout.tables.iter().enumerate() {
            let counts = self.counts.as_ref().map(|counts| &counts[table.space]);
            let range = row_range(layout, view.lookups, t);
            let rows = view.rows[range.clone()].chunks_exact(table.dim);
            let gradients = gradient.rows[range].chunks_exact_mut(table.dim);
            for ((&id, row), d_row) in view.lookups.ids[table.space].iter().zip(rows).zip(gradients)
            {
                let count = counts.map_or(1, |counts| counts[id as usize].max(1));
                add_scaled(F::from_f64(self.lambda / f64::from(count)), row, d_row);
            }
        }
    }
}
