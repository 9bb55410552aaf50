//! The three matrix products of a linear layer, on row-major slices.
//!
//! All three are described by the layer's own [`GemmSize`]. A layer with a single output is a
//! matrix-vector product, for which a general kernel is slow: its gradients have their own loops.

use super::Real;
use super::buffer::AlignedBuffer;
use super::kernels::Product;
pub use super::kernels::ProductStart;
pub use super::kernels::dot;

/// The sizes of a linear layer on a batch: `[rows x inputs] [inputs x outputs] = [rows x outputs]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GemmSize {
    /// Examples, or history events.
    pub rows: usize,
    /// Numbers of input per row.
    pub inputs: usize,
    /// Numbers of output per row.
    pub outputs: usize,
}

/// `y = start + x w`: the forward product.
///
/// `x` is `[rows x inputs]`, `w` is `[inputs x outputs]`, `y` is `[rows x outputs]`.
pub fn nn<F: Real>(size: GemmSize, start: ProductStart<'_, F>, x: &[F], w: &[F], y: &mut [F]) {
    let GemmSize { rows, inputs, outputs } = size;
    let product = Product { rows, columns: outputs, depth: inputs, transposed: false };
    F::product(product, start, x, w, y);
}

/// `d_w = start + x^T d_y`: the gradient by the weights. Shapes as in [`nn`].
pub fn tn<F: Real>(size: GemmSize, start: ProductStart<'_, F>, x: &[F], d_y: &[F], d_w: &mut [F]) {
    let GemmSize { rows, inputs, outputs } = size;
    if outputs == 1 && start == ProductStart::Itself {
        return F::weighted_sums(x, d_y, d_w);
    }
    let product = Product { rows: inputs, columns: outputs, depth: rows, transposed: true };
    F::product(product, start, x, d_y, d_w);
}

/// `d_x = start + d_y w^T`: the gradient by the input. Shapes as in [`nn`];
/// `transposed` is memory for `w^T`.
pub fn nt<F: Real>(
    size: GemmSize,
    start: ProductStart<'_, F>,
    d_y: &[F],
    w: &[F],
    transposed: &mut AlignedBuffer<F>,
    d_x: &mut [F],
) {
    let GemmSize { rows, inputs, outputs } = size;
    if outputs == 1 && start == ProductStart::Zero {
        return F::outer(d_y, w, d_x);
    }
    let w_t = transposed.fit(inputs * outputs);
    F::transpose(w, inputs, outputs, w_t);
    let product = Product { rows, columns: inputs, depth: outputs, transposed: false };
    F::product(product, start, d_y, w_t, d_x);
}

/// `y += factor x`.
pub fn add_scaled<F: Real>(factor: F, x: &[F], y: &mut [F]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
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
            rows in 0usize..20, inputs in 1usize..40, outputs in 1usize..12, add: bool,
        ) {
            let (size, beta) = (GemmSize { rows, inputs, outputs }, f64::from(u8::from(add)));
            let start = if add { ProductStart::Itself } else { ProductStart::Zero };
            let (x, w, y) = (
                numbers(1, rows * inputs),
                numbers(2, inputs * outputs),
                numbers(3, rows * outputs),
            );
            let x_at = |i: usize, j: usize| x[i * inputs + j];
            let w_at = |i: usize, j: usize| w[i * outputs + j];
            let y_at = |i: usize, j: usize| y[i * outputs + j];

            let mut out = y.clone();
            nn(size, start, &x, &w, &mut out);
            assert_near(&out, &plain((rows, inputs, outputs), x_at, w_at, (beta, &y)));
            let mut out = w.clone();
            tn(size, start, &x, &y, &mut out);
            let transposed = |i, j| x_at(j, i);
            assert_near(&out, &plain((inputs, rows, outputs), transposed, y_at, (beta, &w)));
            let mut out = x.clone();
            nt(size, start, &y, &w, &mut AlignedBuffer::default(), &mut out);
            let transposed = |i, j| w_at(j, i);
            assert_near(&out, &plain((rows, outputs, inputs), y_at, transposed, (beta, &x)));
        }
    }

    #[test]
    fn what_is_not_added_to_is_not_read() {
        for outputs in [1, 3] {
            let size = GemmSize { rows: 2, inputs: 2, outputs };
            let (x, w) = (numbers(1, 4), numbers(2, 2 * outputs));
            let mut y = vec![f64::NAN; 2 * outputs];
            nn(size, ProductStart::Zero, &x, &w, &mut y);
            let mut d_w = vec![f64::NAN; 2 * outputs];
            tn(size, ProductStart::Zero, &x, &y, &mut d_w);
            let mut d_x = vec![f64::NAN; 4];
            nt(size, ProductStart::Zero, &y, &w, &mut AlignedBuffer::default(), &mut d_x);
            assert!(y.iter().chain(&d_w).chain(&d_x).all(|value| value.is_finite()));
        }
    }
}
