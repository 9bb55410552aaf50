//! Copies rows of a table to their places in a matrix, and back.

use super::lanes::{BlockKernel, each_block, of, of_mut};
use super::prefetch::{AHEAD, prefetch};
use crate::nn::Real;

/// One column of ids and the place of its rows: column `column` of a row-major matrix of positions
/// with `columns` columns, and columns `at .. at + dim` of a row-major matrix of width `width`.
///
/// A position is an index into the distinct rows of the table that a batch touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdColumn {
    /// Column of the matrix of positions.
    pub column: usize,
    /// Number of columns of the matrix of positions.
    pub columns: usize,
    /// Numbers per row of the table.
    pub dim: usize,
    /// First column that is written.
    pub at: usize,
    /// Number of columns of the written matrix.
    pub width: usize,
}

/// Copies one row.
struct Copy<'a, F>(&'a [F], &'a mut [F]);
impl<F: Real> BlockKernel for Copy<'_, F> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, at: usize) {
        *of_mut::<F, N>(self.1, at) = *of(self.0, at);
    }
}

#[inline(always)]
pub(super) fn gather<F: Real>(places: IdColumn, rows: &[F], positions: &[u32], out: &mut [F]) {
    match places.dim {
        8 => return gather_of::<F, 8>(places, rows, positions, out),
        16 => return gather_of::<F, 16>(places, rows, positions, out),
        _ => {}
    }
    let IdColumn { column, columns, dim, at, width } = places;
    let matrix = out.chunks_exact_mut(width);
    for (positions, place) in positions.chunks_exact(columns).zip(matrix) {
        let from = positions[column] as usize * dim;
        each_block(dim, &mut Copy(&rows[from..][..dim], &mut place[at..][..dim]));
    }
}

/// As [`gather`], for rows of `N` numbers: a row is then one register.
#[inline(always)]
fn gather_of<F: Real, const N: usize>(
    places: IdColumn,
    rows: &[F],
    positions: &[u32],
    out: &mut [F],
) {
    let (rows, _) = rows.as_chunks::<N>();
    let matrix = out.chunks_exact_mut(places.width);
    for (positions, place) in positions.chunks_exact(places.columns).zip(matrix) {
        *of_mut(place, places.at) = rows[positions[places.column] as usize];
    }
}

#[inline(always)]
pub(super) fn pick<F: Real>(from: &[F], stride: usize, ids: &[u32], dim: usize, out: &mut [F]) {
    match dim {
        8 => return pick_of::<F, 8>(from, stride, ids, out),
        16 => return pick_of::<F, 16>(from, stride, ids, out),
        _ => {}
    }
    for (i, (&id, place)) in ids.iter().zip(out.chunks_exact_mut(dim)).enumerate() {
        if let Some(&next) = ids.get(i + AHEAD) {
            prefetch(from, next as usize * stride, dim);
        }
        each_block(dim, &mut Copy(&from[id as usize * stride..][..dim], place));
    }
}

/// As [`pick`], for rows of `N` numbers.
#[inline(always)]
fn pick_of<F: Real, const N: usize>(from: &[F], stride: usize, ids: &[u32], out: &mut [F]) {
    let (out, _) = out.as_chunks_mut::<N>();
    for (i, (&id, place)) in ids.iter().zip(out).enumerate() {
        if let Some(&next) = ids.get(i + AHEAD) {
            prefetch(from, next as usize * stride, N);
        }
        *place = *of(from, id as usize * stride);
    }
}

#[inline(always)]
pub(super) fn scatter_add<F: Real>(
    places: IdColumn,
    d_out: &[F],
    positions: &[u32],
    d_rows: &mut [F],
) {
    struct Add<'a, F>(&'a [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Add<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (from, to): (&[F; N], &mut [F; N]) = (of(self.0, at), of_mut(self.1, at));
            for j in 0..N {
                to[j] += from[j];
            }
        }
    }
    match places.dim {
        8 => return scatter_add_of::<F, 8>(places, d_out, positions, d_rows),
        16 => return scatter_add_of::<F, 16>(places, d_out, positions, d_rows),
        _ => {}
    }
    let IdColumn { column, columns, dim, at, width } = places;
    for (positions, place) in positions.chunks_exact(columns).zip(d_out.chunks_exact(width)) {
        let to = positions[column] as usize * dim;
        each_block(dim, &mut Add(&place[at..][..dim], &mut d_rows[to..][..dim]));
    }
}

/// As [`scatter_add`], for rows of `N` numbers.
#[inline(always)]
fn scatter_add_of<F: Real, const N: usize>(
    places: IdColumn,
    d_out: &[F],
    positions: &[u32],
    d_rows: &mut [F],
) {
    let (d_rows, _) = d_rows.as_chunks_mut::<N>();
    let matrix = d_out.chunks_exact(places.width);
    for (positions, place) in positions.chunks_exact(places.columns).zip(matrix) {
        let (to, from): (_, &[F; N]) =
            (&mut d_rows[positions[places.column] as usize], of(place, places.at));
        let sum: [F; N] = std::array::from_fn(|j| to[j] + from[j]);
        *to = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};
    use crate::nn::kernels::Kernels;

    /// The second of two columns of ids; one row occurs twice, one never.
    const POSITIONS: [u32; 8] = [9, 1, 9, 0, 9, 1, 9, 3];
    const COLUMN: IdColumn = IdColumn { column: 1, columns: 2, dim: 2, at: 1, width: 4 };

    #[test]
    fn rows_go_to_their_places_and_nothing_else_is_written() {
        let mut out = [9.0f32; 16];
        f32::gather(COLUMN, &[0., 1., 10., 11., 20., 21., 30., 31.], &POSITIONS, &mut out);
        assert_eq!(out[..8], [9., 10., 11., 9., 9., 0., 1., 9.]);
        assert_eq!(out[8..], [9., 10., 11., 9., 9., 30., 31., 9.]);
    }

    #[test]
    fn gradients_of_all_occurrences_are_summed() {
        let (rows, d) = (numbers(1, 8), numbers(2, 16));
        let value = |rows: &[f64]| {
            let mut out = vec![0.0; 16];
            f64::gather(COLUMN, rows, &POSITIONS, &mut out);
            weighted(&out, &d)
        };
        let mut d_rows = vec![0.0; 8];
        f64::scatter_add(COLUMN, &d, &POSITIONS, &mut d_rows);
        assert_slopes("rows", &slopes(&rows, value), &d_rows);
        assert_eq!(d_rows[4..6], [0.0, 0.0]);
    }
}
