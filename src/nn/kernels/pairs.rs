//! Loops over the events of each example's history. Events lie in the first halves of the rows of
//! `pairs`, `[events x 2 width]`; the second halves hold their products with the candidate.

use std::ops::Range;

use super::columns::dot;
use super::lanes::{Block, each_block, of, of_mut};
use crate::nn::Real;

/// The candidates and events that pairs were made of, and the weights of the events.
#[derive(Clone, Copy, Debug)]
pub struct History<'a, F> {
    /// Where each example's events begin, `B + 1` numbers.
    pub offsets: &'a [u32],
    /// Candidates, `[B x width]`.
    pub q: &'a [F],
    /// Events and products, `[events x 2 width]`.
    pub pairs: &'a [F],
    /// Weights of the events in the pooled history.
    pub weights: &'a [F],
    /// Numbers per candidate and per event.
    pub width: usize,
}

/// The events of each example in turn.
#[inline(always)]
fn segments(offsets: &[u32]) -> impl Iterator<Item = Range<usize>> {
    offsets.windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
}

#[inline(always)]
pub(super) fn multiply<F: Real>(offsets: &[u32], q: &[F], width: usize, pairs: &mut [F]) {
    struct Multiply<'a, F>(&'a [F], &'a [F], &'a mut [F]);
    impl<F: Real> Block for Multiply<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let (q, h): (&[F; N], &[F; N]) = (of(self.0, at), of(self.1, at));
            let product: &mut [F; N] = of_mut(self.2, at);
            for j in 0..N {
                product[j] = q[j] * h[j];
            }
        }
    }
    for (q, events) in q.chunks_exact(width).zip(segments(offsets)) {
        for pair in
            pairs[2 * width * events.start..2 * width * events.end].chunks_exact_mut(2 * width)
        {
            let (h, product) = pair.split_at_mut(width);
            each_block(width, &mut Multiply(q, h, product));
        }
    }
}

#[inline(always)]
pub(super) fn spread_rows<F: Real>(offsets: &[u32], rows: &[F], columns: usize, out: &mut [F]) {
    for (row, events) in rows.chunks_exact(columns).zip(segments(offsets)) {
        super::columns::spread(row, &mut out[events.start * columns..events.end * columns]);
    }
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
    pairs: &[F],
    width: usize,
    out: &mut [F],
) {
    struct Pool<'a, F> {
        weights: &'a [F],
        pairs: &'a [F],
        out: &'a mut [F],
    }
    impl<F: Real> Block for Pool<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let mut sums = [F::ZERO; N];
            let pairs = self.pairs.chunks_exact(2 * self.out.len());
            for (pair, &weight) in pairs.zip(self.weights) {
                let h: &[F; N] = of(pair, at);
                for j in 0..N {
                    sums[j] += weight * h[j];
                }
            }
            *of_mut(self.out, at) = sums;
        }
    }
    for (out, events) in out.chunks_exact_mut(width).zip(segments(offsets)) {
        let pairs = &pairs[2 * width * events.start..2 * width * events.end];
        each_block(width, &mut Pool { weights: &weights[events], pairs, out });
    }
}

#[inline(always)]
pub(super) fn pool_backward<F: Real>(
    offsets: &[u32],
    d: &[F],
    pairs: &[F],
    width: usize,
    d_weights: &mut [F],
) {
    for (d, events) in d.chunks_exact(width).zip(segments(offsets)) {
        let pairs = pairs[2 * width * events.start..2 * width * events.end].chunks_exact(2 * width);
        for (pair, d_weight) in pairs.zip(&mut d_weights[events]) {
            *d_weight = dot(&pair[..width], d);
        }
    }
}

#[inline(always)]
pub(super) fn multiply_backward<F: Real>(
    history: History<'_, F>,
    d_pooled: &[F],
    d: &mut [F],
    d_q: &mut [F],
) {
    struct Backward<'a, F> {
        q: &'a [F],
        pairs: &'a [F],
        weights: &'a [F],
        d_pooled: &'a [F],
        d: &'a mut [F],
        d_q: &'a mut [F],
    }
    impl<F: Real> Block for Backward<'_, F> {
        #[inline(always)]
        fn run<const N: usize>(&mut self, at: usize) {
            let width = self.q.len();
            let (q, d_pooled): (&[F; N], &[F; N]) = (of(self.q, at), of(self.d_pooled, at));
            let mut d_q: [F; N] = *of(self.d_q, at);
            let rows = self.pairs.chunks_exact(2 * width).zip(self.d.chunks_exact_mut(2 * width));
            for ((pair, d), &weight) in rows.zip(self.weights) {
                let (h, d_product): (&[F; N], [F; N]) = (of(pair, at), *of(d, width + at));
                let d_h: &mut [F; N] = of_mut(d, at);
                for j in 0..N {
                    d_q[j] += d_product[j] * h[j];
                    d_h[j] += d_product[j] * q[j] + weight * d_pooled[j];
                }
            }
            *of_mut(self.d_q, at) = d_q;
        }
    }
    let History { offsets, q, pairs, weights, width } = history;
    let examples = q.chunks_exact(width).zip(d_pooled.chunks_exact(width));
    let examples = examples.zip(d_q.chunks_exact_mut(width)).zip(segments(offsets));
    for (((q, d_pooled), d_q), events) in examples {
        let range = 2 * width * events.start..2 * width * events.end;
        let (pairs, d) = (&pairs[range.clone()], &mut d[range]);
        let weights = &weights[events];
        each_block(width, &mut Backward { q, pairs, weights, d_pooled, d, d_q });
    }
}
