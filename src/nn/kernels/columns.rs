//! Loops over the rows of a matrix, one block of columns after the other, so that the data of a
//! column (a bias, a slope, a sum) stays in registers. They take some thousand numbers at a time,
//! so that the next block of columns finds them in the first-level cache.

use super::lanes::{BlockKernel, each_block, of, of_mut};
use crate::nn::Real;

/// Numbers in the whole rows of `columns` that are processed at a time.
#[inline(always)]
fn some_rows(columns: usize) -> usize {
    (2048 / columns).max(1) * columns
}

#[inline(always)]
pub(super) fn column_sums<F: Real>(x: &[F], sums: &mut [F]) {
    struct Sums<'a, F>(&'a [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Sums<'_, F> {
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
    for x in x.chunks(some_rows(sums.len())) {
        each_block(sums.len(), &mut Sums(x, sums));
    }
}

#[inline(always)]
pub(super) fn weighted_sums<F: Real>(x: &[F], factors: &[F], sums: &mut [F]) {
    struct Sums<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Sums<'_, F> {
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
    let some = some_rows(sums.len());
    for (x, factors) in x.chunks(some).zip(factors.chunks(some / sums.len())) {
        each_block(sums.len(), &mut Sums(x, factors, sums));
    }
}

#[inline(always)]
pub(super) fn outer<F: Real>(factors: &[F], row: &[F], out: &mut [F]) {
    struct Outer<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Outer<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let row: &[F; N] = of(self.1, at);
            for (out, &factor) in self.2.chunks_exact_mut(self.1.len()).zip(self.0) {
                *of_mut(out, at) = row.map(|x| factor * x);
            }
        }
    }
    let some = some_rows(row.len());
    for (out, factors) in out.chunks_mut(some).zip(factors.chunks(some / row.len())) {
        each_block(row.len(), &mut Outer(factors, row, out));
    }
}

#[inline(always)]
pub(super) fn prelu<F: Real>(z: &[F], slope: &[F], a: &mut [F]) {
    struct Prelu<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Prelu<'_, F> {
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
    let some = some_rows(slope.len());
    for (z, a) in z.chunks(some).zip(a.chunks_mut(some)) {
        each_block(slope.len(), &mut Prelu(z, slope, a));
    }
}

#[inline(always)]
pub(super) fn prelu_backward<F: Real>(z: &[F], slope: &[F], d: &mut [F], d_slope: &mut [F]) {
    struct Backward<'a, F>(&'a [F], &'a [F], &'a mut [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Backward<'_, F> {
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
    let some = some_rows(slope.len());
    for (z, d) in z.chunks(some).zip(d.chunks_mut(some)) {
        each_block(slope.len(), &mut Backward(z, slope, d, d_slope));
    }
}

#[inline(always)]
pub(super) fn prelu_dots_backward<F: Real>(
    z: &mut [F],
    slope: &[F],
    weights: &[F],
    d_out: &[F],
    d_slope: &mut [F],
    d_weights: &mut [F],
) {
    struct Backward<'a, F> {
        z: &'a mut [F],
        slope: &'a [F],
        weights: &'a [F],
        d_out: &'a [F],
        d_slope: &'a mut [F],
        d_weights: &'a mut [F],
    }
    impl<F: Real> BlockKernel for Backward<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let channels = self.slope.len();
            let (slope, weights): ([F; N], [F; N]) = (*of(self.slope, at), *of(self.weights, at));
            let mut d_slope: [F; N] = *of(self.d_slope, at);
            let mut d_weights: [F; N] = *of(self.d_weights, at);
            for (z, &d_out) in self.z.chunks_exact_mut(channels).zip(self.d_out) {
                let z: &mut [F; N] = of_mut(z, at);
                for j in 0..N {
                    let below = if z[j] > F::ZERO { F::ZERO } else { z[j] };
                    let steepness = if z[j] > F::ZERO { F::ONE } else { slope[j] };
                    let d = d_out * weights[j];
                    d_weights[j] += d_out * (z[j] * steepness);
                    d_slope[j] += d * below;
                    z[j] = d * steepness;
                }
            }
            *of_mut(self.d_slope, at) = d_slope;
            *of_mut(self.d_weights, at) = d_weights;
        }
    }
    let some = some_rows(slope.len());
    for (z, d_out) in z.chunks_mut(some).zip(d_out.chunks(some / slope.len())) {
        let mut backward = Backward { z, slope, weights, d_out, d_slope, d_weights };
        each_block(slope.len(), &mut backward);
    }
}

#[inline(always)]
pub(super) fn transpose<F: Real>(from: &[F], rows: usize, columns: usize, to: &mut [F]) {
    // Squares of 16, so that the lines of both sides stay in the cache.
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

/// With AVX-512, squares of sixteen in registers; otherwise as above.
pub(super) mod single {
    #[cfg(target_arch = "x86_64")]
    use crate::base::level::{Level, level};

    pub(in super::super) fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
            // SAFETY: `level` has detected the features.
            return unsafe { super::super::dots_x86::transpose(from, rows, columns, to) };
        }
        super::transpose(from, rows, columns, to);
    }
}
