//! The matrix product that all layers use, `c = start + a b`, for the small matrices of
//! recommenders, whose operands fit into the second-level cache.
//!
//! Nothing is packed: a tile of `c` stays in registers while the loop walks along the common
//! dimension in ascending order, with one fused multiply-add per element and step. So every element
//! is the same chain of roundings for every tile, blocking and register width.

use ndarray::Array2;

use crate::base::level::{Level, level};

/// Sizes of a product `[rows x depth] [depth x columns] = [rows x columns]` of row-major matrices
/// without gaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Product {
    /// Rows of `a` and `c`.
    pub rows: usize,
    /// Columns of `b` and `c`.
    pub columns: usize,
    /// Columns of `a`, rows of `b`.
    pub depth: usize,
    /// Whether `a` is stored transposed, `[depth x rows]`.
    pub transposed: bool,
}

/// The start value of a product.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ProductStart<'a, F> {
    /// Zero: `c` is overwritten unread.
    Zero,
    /// The content of `c`.
    Itself,
    /// The same row, as long as a row of `c`, for every row: `c` is overwritten unread.
    Row(&'a [F]),
}

impl Product {
    /// Whether every element of the operands lies within slices of these lengths.
    fn fits<F>(&self, start: ProductStart<'_, F>, a: usize, b: usize, c: usize) -> bool {
        let Product { rows, columns, depth, .. } = *self;
        let start = if let ProductStart::Row(row) = start { row.len() } else { columns };
        start == columns && a >= rows * depth && b >= depth * columns && c >= rows * columns
    }

    /// Distance between two rows of `a`, and between two columns.
    fn strides(&self) -> (usize, usize) {
        if self.transposed { (1, self.rows) } else { (self.depth, 1) }
    }
}

/// The product in single precision.
///
/// # Panics
/// If an operand is shorter than its sizes say.
pub(super) fn single(
    product: Product,
    start: ProductStart<'_, f32>,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) {
    assert!(product.fits(start, a.len(), b.len(), c.len()), "operands as long as {product:?} says");
    if product.rows == 0 || product.columns == 0 {
        return;
    }
    match level() {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls a function compiled for a checked processor feature")]
        // SAFETY: `level` has detected the features, and `fits` has checked the lengths.
        Level::Avx512 => unsafe { super::gemm_x86::avx512::product(product, start, a, b, c) },
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls a function compiled for a checked processor feature")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { super::gemm_x86::avx2::product(product, start, a, b, c) },
        _ => chain(product, start, a, b, c),
    }
}

/// The product in double precision, for checks of gradients: a second implementation, by `ndarray`,
/// so that a check of the network also checks the kernels above.
///
/// # Panics
/// If an operand is shorter than its sizes say.
pub(super) fn double(
    product: Product,
    start: ProductStart<'_, f64>,
    a: &[f64],
    b: &[f64],
    c: &mut [f64],
) {
    assert!(product.fits(start, a.len(), b.len(), c.len()), "operands as long as {product:?} says");
    let Product { rows, columns, depth, .. } = product;
    let (row_stride, column_stride) = product.strides();
    let at = |(i, p): (usize, usize)| a[i * row_stride + p * column_stride];
    let left = Array2::from_shape_fn((rows, depth), at);
    let right = Array2::from_shape_fn((depth, columns), |(p, j)| b[p * columns + j]);
    for (at, (c, &sum)) in c.iter_mut().zip(&left.dot(&right)).enumerate() {
        *c = sum
            + match start {
                ProductStart::Zero => 0.0,
                ProductStart::Itself => *c,
                ProductStart::Row(row) => row[at % columns],
            };
    }
}

/// The product by its definition, element by element: the portable level.
fn chain(product: Product, start: ProductStart<'_, f32>, a: &[f32], b: &[f32], c: &mut [f32]) {
    let Product { rows, columns, depth, .. } = product;
    let (row_stride, column_stride) = product.strides();
    for i in 0..rows {
        let c = &mut c[i * columns..(i + 1) * columns];
        match start {
            ProductStart::Zero => c.fill(0.0),
            ProductStart::Itself => {}
            ProductStart::Row(row) => c.copy_from_slice(row),
        }
        for p in 0..depth {
            let a = a[i * row_stride + p * column_stride];
            for (c, &b) in c.iter_mut().zip(&b[p * columns..(p + 1) * columns]) {
                *c = a.mul_add(b, *c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::level::{at_level, levels};
    use proptest::prelude::*;

    fn numbers(count: usize, salt: u32) -> Vec<f32> {
        let mix =
            |i: usize| (i as u32 + 1).wrapping_mul(2_654_435_761).wrapping_add(salt * 97) >> 8;
        (0..count).map(|i| mix(i) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn r08_every_level_gives_the_same_bits(
            rows in 0usize..30, columns in 1usize..120, depth in 0usize..600,
            start in 0usize..3, transposed: bool,
        ) {
            let product = Product { rows, columns, depth, transposed };
            let row = numbers(columns, 4);
            let start = [ProductStart::Zero, ProductStart::Itself, ProductStart::Row(&row[..])][start];
            let (a, b) = (numbers(rows * depth, 1), numbers(depth * columns, 2));
            let results: Vec<Vec<u32>> = levels().map(|level| {
                let mut c = numbers(rows * columns, 3);
                at_level(level, || single(product, start, &a, &b, &mut c));
                c.into_iter().map(f32::to_bits).collect()
            }).collect();
            for other in &results[1..] {
                prop_assert_eq!(&results[0], other);
            }
        }
    }

    proptest! {
        #[test]
        fn double_precision_agrees_with_single(
            rows in 0usize..9, columns in 1usize..20, depth in 0usize..40,
            start in 0usize..3, transposed: bool,
        ) {
            let product = Product { rows, columns, depth, transposed };
            let wide = |from: &[f32]| from.iter().copied().map(f64::from).collect::<Vec<f64>>();
            let row = numbers(columns, 4);
            let wide_row = wide(&row);
            let wide_start = [ProductStart::Zero, ProductStart::Itself, ProductStart::Row(&wide_row[..])][start];
            let start = [ProductStart::Zero, ProductStart::Itself, ProductStart::Row(&row[..])][start];
            let (a, b) = (numbers(rows * depth, 1), numbers(depth * columns, 2));
            let mut c = numbers(rows * columns, 3);
            let mut exact = wide(&c);
            double(product, wide_start, &wide(&a), &wide(&b), &mut exact);
            single(product, start, &a, &b, &mut c);
            for (c, exact) in c.iter().zip(&exact) {
                prop_assert!((f64::from(*c) - exact).abs() < 1e-4);
            }
        }
    }

    #[test]
    #[should_panic(expected = "as long as")]
    fn operands_that_are_too_short_are_refused() {
        let product = Product { rows: 2, columns: 2, depth: 3, transposed: false };
        single(product, ProductStart::Zero, &[0.0; 5], &[0.0; 6], &mut [0.0; 4]);
    }
}
