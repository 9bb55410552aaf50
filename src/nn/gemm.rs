//! The three matrix products of a linear layer, on row-major slices.
//!
//! All three are described by the layer's own [`Size`]. A layer with a single output is a
//! matrix-vector product, which general kernels serve badly; it is written as dot products.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Real;

/// The sizes of a linear layer on a batch: `[rows x inputs] [inputs x outputs] = [rows x outputs]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Examples, or history events.
    pub rows: usize,
    /// Numbers that enter per row.
    pub inputs: usize,
    /// Numbers that leave per row.
    pub outputs: usize,
}

/// `y = x w + beta y`: the forward product. With `beta = 0`, `y` is overwritten unread.
///
/// `x` is `[rows x inputs]`, `w` is `[inputs x outputs]`, `y` is `[rows x outputs]`.
pub fn nn<F: Real>(size: Size, x: &[F], w: &[F], beta: F, y: &mut [F]) {
    if size.outputs == 1 {
        for (row, y) in x.chunks_exact(size.inputs).zip(y) {
            *y = dot(row, w) + scaled(beta, *y);
        }
        return;
    }
    let x = matrix(size.rows, size.inputs, x);
    let w = matrix(size.inputs, size.outputs, w);
    general_mat_mul(F::ONE, &x, &w, beta, &mut matrix_mut(size.rows, size.outputs, y));
}

/// `d_w = x^T d_y + beta d_w`: the gradient by the weights. With `beta = 0`, `d_w` is overwritten
/// unread. Shapes as in [`nn`].
pub fn tn<F: Real>(size: Size, x: &[F], d_y: &[F], beta: F, d_w: &mut [F]) {
    if size.outputs == 1 {
        d_w.iter_mut().for_each(|d| *d = scaled(beta, *d));
        for (row, &d) in x.chunks_exact(size.inputs).zip(d_y) {
            add_scaled(d, row, d_w);
        }
        return;
    }
    let x = matrix(size.rows, size.inputs, x).reversed_axes();
    let d_y = matrix(size.rows, size.outputs, d_y);
    general_mat_mul(F::ONE, &x, &d_y, beta, &mut matrix_mut(size.inputs, size.outputs, d_w));
}

/// `d_x = d_y w^T + beta d_x`: the gradient by the input. With `beta = 0`, `d_x` is overwritten
/// unread. Shapes as in [`nn`].
pub fn nt<F: Real>(size: Size, d_y: &[F], w: &[F], beta: F, d_x: &mut [F]) {
    if size.outputs == 1 {
        for (row, &d) in d_x.chunks_exact_mut(size.inputs).zip(d_y) {
            for (d_x, &w) in row.iter_mut().zip(w) {
                *d_x = d * w + scaled(beta, *d_x);
            }
        }
        return;
    }
    let d_y = matrix(size.rows, size.outputs, d_y);
    let w = matrix(size.inputs, size.outputs, w).reversed_axes();
    general_mat_mul(F::ONE, &d_y, &w, beta, &mut matrix_mut(size.rows, size.inputs, d_x));
}

/// The sum of products, over 16 running sums so that it can use wide registers; always in the same
/// order.
pub fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    const LANES: usize = 16;
    let mut sums = [F::ZERO; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: F = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    sums.into_iter().sum::<F>() + rest
}

/// `y += factor x`.
pub fn add_scaled<F: Real>(factor: F, x: &[F], y: &mut [F]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// `beta y`, where zero means "not read" even if `y` is not a number.
fn scaled<F: Real>(beta: F, y: F) -> F {
    if beta == F::ZERO { F::ZERO } else { beta * y }
}

fn matrix<F: Real>(rows: usize, columns: usize, values: &[F]) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, columns), values).expect("a slice of rows x columns numbers")
}

fn matrix_mut<F: Real>(rows: usize, columns: usize, values: &mut [F]) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((rows, columns), values).expect("a slice of rows x columns numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::numbers;
    use proptest::prelude::*;

    /// `out[i, j] = beta out[i, j] + sum over k of a(i, k) b(k, j)`, by the definition.
    fn plain(
        (m, k, n): (usize, usize, usize),
        a: impl Fn(usize, usize) -> f64,
        b: impl Fn(usize, usize) -> f64,
        (beta, out): (f64, &[f64]),
    ) -> Vec<f64> {
        let at = |i, j| beta * out[i * n + j] + (0..k).map(|l| a(i, l) * b(l, j)).sum::<f64>();
        (0..m * n).map(|p| at(p / n, p % n)).collect()
    }

    fn assert_near(given: &[f64], wanted: &[f64]) {
        for (given, wanted) in given.iter().zip(wanted) {
            assert!((given - wanted).abs() < 1e-12, "{given} {wanted}");
        }
    }

    proptest! {
        #[test]
        fn products_follow_their_definition(
            rows in 0usize..20, inputs in 1usize..40, outputs in 1usize..12, beta in 0..3u8,
        ) {
            let (size, beta) = (Size { rows, inputs, outputs }, f64::from(beta) / 2.0);
            let (x, w, y) = (
                numbers(1, rows * inputs),
                numbers(2, inputs * outputs),
                numbers(3, rows * outputs),
            );
            let x_at = |i: usize, j: usize| x[i * inputs + j];
            let w_at = |i: usize, j: usize| w[i * outputs + j];
            let y_at = |i: usize, j: usize| y[i * outputs + j];

            let mut out = y.clone();
            nn(size, &x, &w, beta, &mut out);
            assert_near(&out, &plain((rows, inputs, outputs), x_at, w_at, (beta, &y)));
            let mut out = w.clone();
            tn(size, &x, &y, beta, &mut out);
            let transposed = |i, j| x_at(j, i);
            assert_near(&out, &plain((inputs, rows, outputs), transposed, y_at, (beta, &w)));
            let mut out = x.clone();
            nt(size, &y, &w, beta, &mut out);
            let transposed = |i, j| w_at(j, i);
            assert_near(&out, &plain((rows, outputs, inputs), y_at, transposed, (beta, &x)));
        }
    }

    #[test]
    fn with_beta_zero_old_content_is_not_read() {
        for outputs in [1, 3] {
            let size = Size { rows: 2, inputs: 2, outputs };
            let (x, w) = (numbers(1, 4), numbers(2, 2 * outputs));
            let mut y = vec![f64::NAN; 2 * outputs];
            nn(size, &x, &w, 0.0, &mut y);
            let mut d_w = vec![f64::NAN; 2 * outputs];
            tn(size, &x, &y, 0.0, &mut d_w);
            let mut d_x = vec![f64::NAN; 4];
            nt(size, &y, &w, 0.0, &mut d_x);
            assert!(y.iter().chain(&d_w).chain(&d_x).all(|value| value.is_finite()));
        }
    }
}
