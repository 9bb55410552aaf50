//! Products of rows with a vector. A row has 16 running sums: column `j` is added to sum `j` modulo
//! 16. The sums are then added in halves, always in the same order.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::dots_x86::{self, DotRows};
use super::lanes::{BlockKernel, each_block, of, of_mut};
#[cfg(target_arch = "x86_64")]
use crate::base::level::{Level, level};
use crate::nn::Real;

/// The product of two vectors.
#[inline(always)]
pub fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    struct Dot<'a, F>(&'a [F], &'a [F], [F; 16]);
    impl<F: Real> BlockKernel for Dot<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (a, b): (&[F; N], &[F; N]) = (of(self.0, at), of(self.1, at));
            let sums: &mut [F; N] = of_mut(&mut self.2, at % 16);
            for j in 0..N {
                sums[j] += a[j] * b[j];
            }
        }
    }
    let mut dot = Dot(a, b, [F::ZERO; 16]);
    each_block(a.len(), &mut dot);
    total(dot.2)
}

/// As [`dot`] of `weights` and `z` where `z` is positive, `slope z` elsewhere.
#[inline(always)]
fn prelu_dot<F: Real>(z: &[F], slope: &[F], weights: &[F]) -> F {
    struct Dot<'a, F>(&'a [F], &'a [F], &'a [F], [F; 16]);
    impl<F: Real> BlockKernel for Dot<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (z, slope): (&[F; N], &[F; N]) = (of(self.0, at), of(self.1, at));
            let weights: &[F; N] = of(self.2, at);
            let sums: &mut [F; N] = of_mut(&mut self.3, at % 16);
            for j in 0..N {
                let a = z[j] * if z[j] > F::ZERO { F::ONE } else { slope[j] };
                sums[j] += a * weights[j];
            }
        }
    }
    let mut dot = Dot(z, slope, weights, [F::ZERO; 16]);
    each_block(z.len(), &mut dot);
    total(dot.3)
}

/// The sum of all: upper halves are added to lower ones four times.
#[inline(always)]
fn total<F: Real>(mut sums: [F; 16]) -> F {
    for half in [8, 4, 2, 1] {
        for j in 0..half {
            let upper = sums[j + half];
            sums[j] += upper;
        }
    }
    sums[0]
}

#[inline(always)]
pub(super) fn row_dots<F: Real>(x: &[F], weights: &[F], bias: F, out: &mut [F]) {
    for (row, out) in x.chunks_exact(weights.len()).zip(out) {
        *out = bias + dot(row, weights);
    }
}

#[inline(always)]
pub(super) fn prelu_dots<F: Real>(z: &[F], slope: &[F], weights: &[F], bias: F, out: &mut [F]) {
    for (z, out) in z.chunks_exact(weights.len()).zip(out) {
        *out = bias + prelu_dot(z, slope, weights);
    }
}

#[inline(always)]
pub(super) fn pool_backward<F: Real>(
    offsets: &[u32],
    d: &[F],
    events: &[F],
    width: usize,
    d_weights: &mut [F],
) {
    for (d, of_example) in d.chunks_exact(width).zip(segments(offsets)) {
        let rows = &events[width * of_example.start..width * of_example.end];
        row_dots(rows, d, F::ZERO, &mut d_weights[of_example]);
    }
}

/// The ranges of the events of each example.
#[inline(always)]
pub(super) fn segments(offsets: &[u32]) -> impl Iterator<Item = Range<usize>> {
    offsets.windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
}

/// With AVX-512, sixteen rows at once; otherwise as above.
pub(super) mod single {
    use super::*;
    use crate::nn::kernels::versions;

    pub(in super::super) fn row_dots(x: &[f32], weights: &[f32], bias: f32, out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            let rows = DotRows::new(x, None, weights);
            #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
            // SAFETY: `level` has detected the features.
            return unsafe { dots_x86::dots(rows, bias, out) };
        }
        others(x, weights, bias, out);
        versions! {
            fn others(x: &[f32], weights: &[f32], bias: f32, out: &mut [f32]) {
                super::row_dots(x, weights, bias, out)
            }
        }
    }

    pub(in super::super) fn prelu_dots(
        z: &[f32],
        slope: &[f32],
        weights: &[f32],
        bias: f32,
        out: &mut [f32],
    ) {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            let rows = DotRows::new(z, Some(slope), weights);
            #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
            // SAFETY: `level` has detected the features.
            return unsafe { dots_x86::dots(rows, bias, out) };
        }
        others(z, slope, weights, bias, out);
        versions! {
            fn others(z: &[f32], slope: &[f32], weights: &[f32], bias: f32, out: &mut [f32]) {
                super::prelu_dots(z, slope, weights, bias, out)
            }
        }
    }

    pub(in super::super) fn pool_backward(
        offsets: &[u32],
        d: &[f32],
        events: &[f32],
        width: usize,
        d_weights: &mut [f32],
    ) {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            for (d, of_example) in d.chunks_exact(width).zip(segments(offsets)) {
                let x = &events[width * of_example.start..width * of_example.end];
                let rows = DotRows::new(x, None, d);
                #[expect(unsafe_code, reason = "compiled for a checked processor feature")]
                // SAFETY: `level` has detected the features.
                unsafe {
                    dots_x86::dots(rows, 0.0, &mut d_weights[of_example]);
                }
            }
            return;
        }
        others(offsets, d, events, width, d_weights);
        versions! {
            fn others(
                offsets: &[u32], d: &[f32], events: &[f32], width: usize, d_weights: &mut [f32],
            ) {
                super::pool_backward(offsets, d, events, width, d_weights)
            }
        }
    }
}
