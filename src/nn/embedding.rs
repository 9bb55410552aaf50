//! Embedding lookup: rows of a table into the columns of a matrix, and gradients back.

use super::Real;

/// One column of ids and where its rows go: column `column` of a row-major matrix of positions with
/// `columns` columns, into the columns `at .. at + dim` of a row-major matrix of width `width`.
///
/// A position counts among the distinct rows of the table that a batch touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Column of the matrix of positions.
    pub column: usize,
    /// Number of columns of the matrix of positions.
    pub columns: usize,
    /// Numbers per row of the table.
    pub dim: usize,
    /// First column that is written.
    pub at: usize,
    /// Number of columns of the matrix that is written.
    pub width: usize,
}

impl Column {
    /// Copies the row of every position into its place in `out`.
    pub fn gather<F: Real>(self, rows: &[F], positions: &[u32], out: &mut [F]) {
        let places = out.chunks_exact_mut(self.width);
        for (positions, place) in positions.chunks_exact(self.columns).zip(places) {
            let from = positions[self.column] as usize * self.dim;
            place[self.at..][..self.dim].copy_from_slice(&rows[from..][..self.dim]);
        }
    }

    /// Adds the gradient of every place to that of its row, place after place.
    pub fn scatter_add<F: Real>(self, d_out: &[F], positions: &[u32], d_rows: &mut [F]) {
        let places = d_out.chunks_exact(self.width);
        for (positions, place) in positions.chunks_exact(self.columns).zip(places) {
            let to = positions[self.column] as usize * self.dim;
            let place = &place[self.at..][..self.dim];
            for (d_row, &d) in d_rows[to..][..self.dim].iter_mut().zip(place) {
                *d_row += d;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};

    /// The second of two columns of ids, with a row that occurs twice and one that never does.
    const POSITIONS: [u32; 8] = [9, 1, 9, 0, 9, 1, 9, 3];
    const COLUMN: Column = Column { column: 1, columns: 2, dim: 2, at: 1, width: 4 };

    #[test]
    fn rows_go_to_their_places_and_nothing_else_is_written() {
        let mut out = [9.0f32; 16];
        COLUMN.gather(&[0., 1., 10., 11., 20., 21., 30., 31.], &POSITIONS, &mut out);
        assert_eq!(out[..8], [9., 10., 11., 9., 9., 0., 1., 9.]);
        assert_eq!(out[8..], [9., 10., 11., 9., 9., 30., 31., 9.]);
    }

    #[test]
    fn gradients_of_all_occurrences_are_summed() {
        let (rows, d) = (numbers(1, 8), numbers(2, 16));
        let value = |rows: &[f64]| {
            let mut out = vec![0.0; 16];
            COLUMN.gather(rows, &POSITIONS, &mut out);
            weighted(&out, &d)
        };
        let mut d_rows = vec![0.0; 8];
        COLUMN.scatter_add(&d, &POSITIONS, &mut d_rows);
        assert_slopes("rows", &slopes(&rows, value), &d_rows);
        assert_eq!(d_rows[4..6], [0.0, 0.0]);
    }
}
