//! Named parameters as matrices of `ndarray`, for models, remedies and analyses of your own.
//!
//! Weights of the server, the view of a worker and a gradient have the same arenas, so one name
//! finds the same parameter in each of them.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::view::row_range;
use super::{Block, Layout, Lookups};

impl Block {
    /// The block in its arena, rows x columns; a vector has one row.
    ///
    /// # Panics
    /// If the arena is shorter than the block needs: it belongs to another layout.
    pub fn matrix<'a, F>(&self, arena: &'a [F]) -> ArrayView2<'a, F> {
        ArrayView2::from_shape(self.shape, &arena[self.range()]).expect("the range has this shape")
    }

    /// The same, for writing.
    ///
    /// # Panics
    /// As [`matrix`](Self::matrix).
    pub fn matrix_mut<'a, F>(&self, arena: &'a mut [F]) -> ArrayViewMut2<'a, F> {
        ArrayViewMut2::from_shape(self.shape, &mut arena[self.range()])
            .expect("the range has this shape")
    }
}

impl Layout {
    /// The trained block with this name, such as `mlp.0.weight`.
    pub fn dense_block(&self, name: &str) -> Option<&Block> {
        self.dense.iter().find(|block| block.name == name)
    }

    /// The non-trainable block with this name.
    pub fn moving_block(&self, name: &str) -> Option<&Block> {
        self.moving.iter().find(|block| block.name == name)
    }

    /// The distinct rows of a table in the `rows` of a view or a gradient: their ids, and a matrix
    /// of distinct ids x dim. `None` if there is no table with this name.
    ///
    /// # Panics
    /// If `rows` does not belong to these lookups.
    pub fn row_matrix<'a, F>(
        &self,
        table: &str,
        lookups: &'a Lookups,
        rows: &'a [F],
    ) -> Option<(&'a [u32], ArrayView2<'a, F>)> {
        let index = self.tables.iter().position(|other| other.name == table)?;
        let (space, dim) = (self.tables[index].space, self.tables[index].dim);
        let ids = &lookups.ids[space][..];
        let rows = &rows[row_range(self, lookups, index)];
        Some((
            ids,
            ArrayView2::from_shape((ids.len(), dim), rows).expect("the range has this shape"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Init, Table};

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.add_block("a", "weight", (2, 3), Init::Constant(0.0));
        layout.add_block("a", "bias", (1, 2), Init::Constant(0.0));
        for (space, (name, dim)) in [("user", 1), ("item", 2)].into_iter().enumerate() {
            let (name, init) = (name.to_string(), Init::Constant(0.0));
            layout.tables.push(Table { name, space, rows: 9, dim, init });
        }
        layout
    }

    #[test]
    fn a_name_finds_the_same_block_in_every_arena() {
        let layout = layout();
        let mut arena: Vec<f32> = (0..8u8).map(f32::from).collect();
        let weight = layout.dense_block("a.weight").unwrap();
        assert_eq!(weight.matrix(&arena), ndarray::arr2(&[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]));
        let bias = layout.dense_block("a.bias").unwrap();
        assert_eq!(bias.matrix(&arena), ndarray::arr2(&[[6.0, 7.0]]));
        bias.matrix_mut(&mut arena)[[0, 1]] = -1.0;
        assert_eq!(arena[7], -1.0);
        assert!(layout.dense_block("a").is_none() && layout.moving_block("a.bias").is_none());
    }

    #[test]
    fn rows_come_with_their_ids() {
        let lookups = Lookups { ids: vec![vec![4, 7], vec![1, 2, 8]], ..Lookups::default() };
        let rows: Vec<f32> = (0..8u8).map(f32::from).collect();
        let layout = layout();
        let (ids, matrix) = layout.row_matrix("item", &lookups, &rows).unwrap();
        assert_eq!(ids, [1, 2, 8]);
        assert_eq!(matrix, ndarray::arr2(&[[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]));
        assert!(layout.row_matrix("shop", &lookups, &rows).is_none());
    }
}
