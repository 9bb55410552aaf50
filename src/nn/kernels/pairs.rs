//! Loops over the events of each example's history and over the weights applied to them: one matrix
//! per example, mixed by its candidate.

use super::dots::segments;
use super::lanes::{BlockKernel, each_block, of, of_mut};
use crate::nn::Real;

/// Candidates and the events that they are compared with.
#[derive(Clone, Copy, Debug)]
pub struct CandidateEvents<'a, F> {
    /// Where each example's events begin, `B + 1` numbers.
    pub offsets: &'a [u32],
    /// Candidates, `[B x width]`.
    pub q: &'a [F],
    /// Events, `[events x width]`.
    pub events: &'a [F],
    /// Numbers per candidate and per event.
    pub width: usize,
}

#[inline(always)]
pub(super) fn mix_rows<F: Real>(base: &[F], scaled: &[F], factors: &[F], out: &mut [F]) {
    struct Mix<'a, F>(&'a [F], &'a [F], F, &'a mut [F]);
    impl<F: Real> BlockKernel for Mix<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (base, scaled): (&[F; N], &[F; N]) = (of(self.0, at), of(self.1, at));
            let out: &mut [F; N] = of_mut(self.3, at);
            for j in 0..N {
                out[j] = base[j] + self.2 * scaled[j];
            }
        }
    }
    let columns = base.len() / factors.len();
    let rows = base.chunks_exact(columns).zip(scaled.chunks_exact(columns));
    for (((base, scaled), &factor), out) in rows.zip(factors).zip(out.chunks_exact_mut(columns)) {
        each_block(columns, &mut Mix(base, scaled, factor, out));
    }
}

#[inline(always)]
pub(super) fn mix_columns<F: Real>(base: &[F], scaled: &[F], factors: &[F], out: &mut [F]) {
    struct Mix<'a, F>(&'a [F], &'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> BlockKernel for Mix<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let columns = self.2.len();
            let factors: [F; N] = *of(self.2, at);
            let rows = self.0.chunks_exact(columns).zip(self.1.chunks_exact(columns));
            for ((base, scaled), out) in rows.zip(self.3.chunks_exact_mut(columns)) {
                let (base, scaled): (&[F; N], &[F; N]) = (of(base, at), of(scaled, at));
                let out: &mut [F; N] = of_mut(out, at);
                for j in 0..N {
                    out[j] = base[j] + factors[j] * scaled[j];
                }
            }
        }
    }
    each_block(factors.len(), &mut Mix(base, scaled, factors, out));
}

#[inline(always)]
pub(super) fn mix_columns_backward<F: Real>(
    scaled: &[F],
    factors: &[F],
    d: &[F],
    d_base: &mut [F],
    d_scaled: &mut [F],
    d_factors: &mut [F],
) {
    struct Backward<'a, F> {
        scaled: &'a [F],
        factors: &'a [F],
        d: &'a [F],
        d_base: &'a mut [F],
        d_scaled: &'a mut [F],
        d_factors: &'a mut [F],
    }
    impl<F: Real> BlockKernel for Backward<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let columns = self.factors.len();
            let factors: [F; N] = *of(self.factors, at);
            let mut d_factors: [F; N] = *of(self.d_factors, at);
            let from = self.scaled.chunks_exact(columns).zip(self.d.chunks_exact(columns));
            let to = self.d_base.chunks_exact_mut(columns);
            let to = to.zip(self.d_scaled.chunks_exact_mut(columns));
            for ((scaled, d), (d_base, d_scaled)) in from.zip(to) {
                let (scaled, d): (&[F; N], &[F; N]) = (of(scaled, at), of(d, at));
                let d_base: &mut [F; N] = of_mut(d_base, at);
                let d_scaled: &mut [F; N] = of_mut(d_scaled, at);
                for j in 0..N {
                    d_base[j] += d[j];
                    d_scaled[j] += factors[j] * d[j];
                    d_factors[j] += scaled[j] * d[j];
                }
            }
            *of_mut(self.d_factors, at) = d_factors;
        }
    }
    let mut backward = Backward { scaled, factors, d, d_base, d_scaled, d_factors };
    each_block(factors.len(), &mut backward);
}

#[inline(always)]
pub(super) fn sum_rows<F: Real>(offsets: &[u32], x: &[F], columns: usize, sums: &mut [F]) {
    for (sums, events) in sums.chunks_exact_mut(columns).zip(segments(offsets)) {
        sums.fill(F::ZERO);
        super::columns::column_sums(&x[events.start * columns..events.end * columns], sums);
    }
}

#[inline(always)]
pub(super) fn pool<F: Real>(
    offsets: &[u32],
    weights: &[F],
    events: &[F],
    width: usize,
    out: &mut [F],
) {
    struct PoolKernel<'a, F> {
        weights: &'a [F],
        events: &'a [F],
        out: &'a mut [F],
    }
    impl<F: Real> BlockKernel for PoolKernel<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let mut sums = [F::ZERO; N];
            let events = self.events.chunks_exact(self.out.len());
            for (h, &weight) in events.zip(self.weights) {
                let h: &[F; N] = of(h, at);
                for j in 0..N {
                    sums[j] += weight * h[j];
                }
            }
            *of_mut(self.out, at) = sums;
        }
    }
    for (out, range) in out.chunks_exact_mut(width).zip(segments(offsets)) {
        let events = &events[width * range.start..width * range.end];
        each_block(width, &mut PoolKernel { weights: &weights[range], events, out });
    }
}

#[inline(always)]
pub(super) fn pool_backward_events<F: Real>(
    offsets: &[u32],
    weights: &[F],
    d: &[F],
    width: usize,
    d_events: &mut [F],
) {
    for (d, events) in d.chunks_exact(width).zip(segments(offsets)) {
        let rows = &mut d_events[width * events.start..width * events.end];
        super::columns::outer(&weights[events], d, rows);
    }
}
