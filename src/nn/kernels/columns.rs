//! Loops over the rows of a matrix, block of columns by block of columns, so that what belongs to a
//! column (a bias, a slope, a sum) stays in registers.

use super::lanes::{Block, each_block, of, of_mut};
use crate::nn::Real;

#[inline(always)]
pub(super) fn spread<F: Real>(row: &[F], out: &mut [F]) {
    struct Spread<'a, F>(&'a [F], &'a mut [F]);
    impl<F: Real> Block for Spread<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let row: &[F; N] = of(self.0, at);
            for out in self.1.chunks_exact_mut(self.0.len()) {
                *of_mut(out, at) = *row;
            }
        }
    }
    each_block(row.len(), &mut Spread(row, out));
}

#[inline(always)]
pub(super) fn column_sums<F: Real>(x: &[F], sums: &mut [F]) {
    struct Sums<'a, F>(&'a [F], &'a mut [F]);
    impl<F: Real> Block for Sums<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let mut sums: [F; N] = *of(self.1, at);
            for row in self.0.chunks_exact(self.1.len()) {
                let row: &[F; N] = of(row, at);
                for j in 0..N {
                    sums[j] += row[j];
                }
            }
            *of_mut(self.1, at) = sums;
        }
    }
    each_block(sums.len(), &mut Sums(x, sums));
}

#[inline(always)]
pub(super) fn weighted_sums<F: Real>(x: &[F], factors: &[F], sums: &mut [F]) {
    struct Sums<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> Block for Sums<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let mut sums: [F; N] = *of(self.2, at);
            for (row, &factor) in self.0.chunks_exact(self.2.len()).zip(self.1) {
                let row: &[F; N] = of(row, at);
                for j in 0..N {
                    sums[j] += factor * row[j];
                }
            }
            *of_mut(self.2, at) = sums;
        }
    }
    each_block(sums.len(), &mut Sums(x, factors, sums));
}

#[inline(always)]
pub(super) fn outer<F: Real>(factors: &[F], row: &[F], out: &mut [F]) {
    struct Outer<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> Block for Outer<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let row: &[F; N] = of(self.1, at);
            for (out, &factor) in self.2.chunks_exact_mut(self.1.len()).zip(self.0) {
                *of_mut(out, at) = row.map(|x| factor * x);
            }
        }
    }
    each_block(row.len(), &mut Outer(factors, row, out));
}

#[inline(always)]
pub(super) fn row_dots<F: Real>(x: &[F], weights: &[F], bias: F, out: &mut [F]) {
    for (row, out) in x.chunks_exact(weights.len()).zip(out) {
        *out = bias + dot(row, weights);
    }
}

/// The sum of products over 16 running sums, which are then added in halves; always in the same
/// order.
#[inline(always)]
pub fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    struct Dot<'a, F>(&'a [F], &'a [F], Sums<F>);
    impl<F: Real> Block for Dot<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (a, b): (&[F; N], &[F; N]) = (of(self.0, at), of(self.1, at));
            let sums: &mut [F; N] = self.2.of_block();
            for j in 0..N {
                sums[j] += a[j] * b[j];
            }
        }
    }
    let mut sums = Dot(a, b, Sums::new());
    each_block(a.len(), &mut sums);
    sums.2.total()
}

/// Running sums of a row, apart for each size of block: a register that is written in part and read
/// as a whole would wait for its own memory.
struct Sums<F> {
    sixteen: [F; 16],
    eight: [F; 8],
    four: [F; 4],
    one: [F; 1],
}

impl<F: Real> Sums<F> {
    #[inline(always)]
    fn new() -> Sums<F> {
        let zero = F::ZERO;
        Sums { sixteen: [zero; 16], eight: [zero; 8], four: [zero; 4], one: [zero] }
    }

    /// The sums of blocks of `N` columns.
    #[inline(always)]
    fn of_block<const N: usize>(&mut self) -> &mut [F; N] {
        let sums: &mut [F] = match N {
            16 => &mut self.sixteen,
            8 => &mut self.eight,
            4 => &mut self.four,
            _ => &mut self.one,
        };
        of_mut(sums, 0)
    }

    /// The sum of all: upper halves are added to lower ones four times.
    #[inline(always)]
    fn total(self) -> F {
        let Sums { sixteen, mut eight, mut four, one: [one] } = self;
        for j in 0..8 {
            eight[j] += sixteen[j] + sixteen[j + 8];
        }
        for j in 0..4 {
            four[j] += eight[j] + eight[j + 4];
        }
        (four[0] + four[2]) + (four[1] + four[3]) + one
    }
}

#[inline(always)]
pub(super) fn prelu<F: Real>(z: &[F], slope: &[F], a: &mut [F]) {
    struct Prelu<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> Block for Prelu<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let channels = self.1.len();
            let slope: [F; N] = *of(self.1, at);
            let rows = self.0.chunks_exact(channels).zip(self.2.chunks_exact_mut(channels));
            for (z, a) in rows {
                let (z, a): (&[F; N], &mut [F; N]) = (of(z, at), of_mut(a, at));
                for j in 0..N {
                    a[j] = z[j] * if z[j] > F::ZERO { F::ONE } else { slope[j] };
                }
            }
        }
    }
    each_block(slope.len(), &mut Prelu(z, slope, a));
}

#[inline(always)]
pub(super) fn prelu_backward<F: Real>(z: &[F], slope: &[F], d: &mut [F], d_slope: &mut [F]) {
    struct Backward<'a, F>(&'a [F], &'a [F], &'a mut [F], &'a mut [F]);
    impl<F: Real> Block for Backward<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let channels = self.1.len();
            let slope: [F; N] = *of(self.1, at);
            let mut sums: [F; N] = *of(self.3, at);
            let rows = self.0.chunks_exact(channels).zip(self.2.chunks_exact_mut(channels));
            for (z, d) in rows {
                let (z, d): (&[F; N], &mut [F; N]) = (of(z, at), of_mut(d, at));
                for j in 0..N {
                    let below = if z[j] > F::ZERO { F::ZERO } else { z[j] };
                    sums[j] += d[j] * below;
                    d[j] *= if z[j] > F::ZERO { F::ONE } else { slope[j] };
                }
            }
            *of_mut(self.3, at) = sums;
        }
    }
    each_block(slope.len(), &mut Backward(z, slope, d, d_slope));
}

#[inline(always)]
pub(super) fn prelu_dots<F: Real>(z: &[F], slope: &[F], weights: &[F], bias: F, out: &mut [F]) {
    struct Dot<'a, F>(&'a [F], &'a [F], &'a [F], Sums<F>);
    impl<F: Real> Block for Dot<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (z, slope): (&[F; N], &[F; N]) = (of(self.0, at), of(self.1, at));
            let weights: &[F; N] = of(self.2, at);
            let sums: &mut [F; N] = self.3.of_block();
            for j in 0..N {
                let a = z[j] * if z[j] > F::ZERO { F::ONE } else { slope[j] };
                sums[j] += a * weights[j];
            }
        }
    }
    for (z, out) in z.chunks_exact(weights.len()).zip(out) {
        let mut dot = Dot(z, slope, weights, Sums::new());
        each_block(weights.len(), &mut dot);
        *out = bias + dot.3.total();
    }
}

#[inline(always)]
pub(super) fn prelu_dots_backward<F: Real>(
    z: &[F],
    slope: &[F],
    weights: &[F],
    d_out: &[F],
    d_z: &mut [F],
    d_slope: &mut [F],
    d_weights: &mut [F],
) {
    struct Backward<'a, F> {
        z: &'a [F],
        slope: &'a [F],
        weights: &'a [F],
        d_out: &'a [F],
        d_z: &'a mut [F],
        d_slope: &'a mut [F],
        d_weights: &'a mut [F],
    }
    impl<F: Real> Block for Backward<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let channels = self.slope.len();
            let (slope, weights): ([F; N], [F; N]) = (*of(self.slope, at), *of(self.weights, at));
            let mut d_slope: [F; N] = *of(self.d_slope, at);
            let mut d_weights: [F; N] = *of(self.d_weights, at);
            let rows = self.z.chunks_exact(channels).zip(self.d_z.chunks_exact_mut(channels));
            for ((z, d_z), &d_out) in rows.zip(self.d_out) {
                let (z, d_z): (&[F; N], &mut [F; N]) = (of(z, at), of_mut(d_z, at));
                for j in 0..N {
                    let below = if z[j] > F::ZERO { F::ZERO } else { z[j] };
                    let steepness = if z[j] > F::ZERO { F::ONE } else { slope[j] };
                    let d = d_out * weights[j];
                    d_weights[j] += d_out * (z[j] * steepness);
                    d_slope[j] += d * below;
                    d_z[j] = d * steepness;
                }
            }
            *of_mut(self.d_slope, at) = d_slope;
            *of_mut(self.d_weights, at) = d_weights;
        }
    }
    let mut backward = Backward { z, slope, weights, d_out, d_z, d_slope, d_weights };
    each_block(slope.len(), &mut backward);
}

#[inline(always)]
pub(super) fn transpose<F: Real>(from: &[F], rows: usize, columns: usize, to: &mut [F]) {
    // Squares of 16, so that the lines of both sides stay near.
    for row in (0..rows).step_by(16) {
        for column in (0..columns).step_by(16) {
            for j in column..(column + 16).min(columns) {
                let height = 16.min(rows - row);
                let place = &mut to[j * rows + row..][..height];
                for (i, place) in place.iter_mut().enumerate() {
                    *place = from[(row + i) * columns + j];
                }
            }
        }
    }
}
