//! DIN's attention over a user's history (Zhou et al. 2017, arXiv 1706.06978), in three parts: the
//! features of every pair of candidate and event, an optional softmax over time, and the weighted
//! sum. Between features and softmax lies a small network, which is not in this file.
//!
//! Histories are ragged: the events of all examples lie one after the other, and `offsets` says
//! where each example's begin (`B + 1` numbers). Nothing is padded, and an example without events
//! simply has an empty range.

use std::ops::Range;

use super::Real;
use super::gemm::{add_scaled, dot};

/// Number of blocks in the features: `q`, `h`, `q - h`, `q * h`.
pub const FEATURE_BLOCKS: usize = 4;

/// The events of each example in turn.
fn segments(offsets: &[u32]) -> impl Iterator<Item = Range<usize>> {
    offsets.windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
}

/// Overwrites `out`, `[events x 4 width]`, with `[q, h, q - h, q * h]` for every event `h` and the
/// candidate `q` of its example. `q` is `[B x width]`, `h` is `[events x width]`.
pub fn features<F: Real>(offsets: &[u32], q: &[F], h: &[F], width: usize, out: &mut [F]) {
    for (q, events) in q.chunks_exact(width).zip(segments(offsets)) {
        for e in events {
            let h = &h[e * width..][..width];
            let (sides, products) =
                out[e * FEATURE_BLOCKS * width..][..FEATURE_BLOCKS * width].split_at_mut(2 * width);
            sides[..width].copy_from_slice(q);
            sides[width..].copy_from_slice(h);
            let (difference, product) = products.split_at_mut(width);
            for (j, (&q, &h)) in q.iter().zip(h).enumerate() {
                difference[j] = q - h;
                product[j] = q * h;
            }
        }
    }
}

/// The candidates and events that features were made of.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a, F> {
    /// Where each example's events begin.
    pub offsets: &'a [u32],
    /// Candidates, `[B x width]`.
    pub q: &'a [F],
    /// Events, `[events x width]`.
    pub h: &'a [F],
    /// Numbers per candidate and per event.
    pub width: usize,
}

/// Adds to `d_q` and `d_h` what belongs to the gradient `d` by the [`features`].
pub fn features_backward<F: Real>(pairs: Pairs<'_, F>, d: &[F], d_q: &mut [F], d_h: &mut [F]) {
    let Pairs { offsets, q, h, width } = pairs;
    let examples = q.chunks_exact(width).zip(d_q.chunks_exact_mut(width));
    for ((q, d_q), events) in examples.zip(segments(offsets)) {
        for e in events {
            let (h, d_h) = (&h[e * width..][..width], &mut d_h[e * width..][..width]);
            let d = &d[e * FEATURE_BLOCKS * width..][..FEATURE_BLOCKS * width];
            let (sides, products) = d.split_at(2 * width);
            let ((by_q, by_h), (difference, product)) =
                (sides.split_at(width), products.split_at(width));
            for j in 0..width {
                d_q[j] += by_q[j] + difference[j] + product[j] * h[j];
                d_h[j] += by_h[j] - difference[j] + product[j] * q[j];
            }
        }
    }
}

/// Turns scores into weights that sum to one within each history: the softmax of `scale` times the
/// scores.
pub fn softmax<F: Real>(offsets: &[u32], scale: F, scores: &mut [F]) {
    for events in segments(offsets) {
        let scores = &mut scores[events];
        let Some(&first) = scores.first() else {
            continue;
        };
        let largest = scores.iter().fold(first, |most, &score| most.larger(score));
        let mut total = F::ZERO;
        for score in &mut *scores {
            *score = (scale * (*score - largest)).exp();
            total += *score;
        }
        let share = F::ONE / total;
        scores.iter_mut().for_each(|score| *score *= share);
    }
}

/// Turns the gradient `d` by the weights of [`softmax`] into that by the scores.
pub fn softmax_backward<F: Real>(offsets: &[u32], scale: F, weights: &[F], d: &mut [F]) {
    for events in segments(offsets) {
        let (weights, d) = (&weights[events.clone()], &mut d[events]);
        let mean = dot(weights, d);
        for (d, &weight) in d.iter_mut().zip(weights) {
            *d = scale * weight * (*d - mean);
        }
    }
}

/// Overwrites `out`, `[B x width]`, with the sum of each history's events times their weights. An
/// empty history gives zeros.
pub fn pool<F: Real>(offsets: &[u32], weights: &[F], h: &[F], width: usize, out: &mut [F]) {
    out.fill(F::ZERO);
    for (out, events) in out.chunks_exact_mut(width).zip(segments(offsets)) {
        for e in events {
            add_scaled(weights[e], &h[e * width..][..width], out);
        }
    }
}

/// Given the gradient `d` by the result of [`pool`], overwrites `d_weights` and adds to `d_h`.
pub fn pool_backward<F: Real>(
    pairs: Pairs<'_, F>,
    weights: &[F],
    d: &[F],
    d_weights: &mut [F],
    d_h: &mut [F],
) {
    let Pairs { offsets, h, width, .. } = pairs;
    for (d, events) in d.chunks_exact(width).zip(segments(offsets)) {
        for e in events {
            d_weights[e] = dot(d, &h[e * width..][..width]);
            add_scaled(weights[e], d, &mut d_h[e * width..][..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};

    const OFFSETS: [u32; 6] = [0, 3, 3, 4, 9, 9];
    const WIDTH: usize = 3;
    const EVENTS: usize = 9;

    fn pairs<'a>(q: &'a [f64], h: &'a [f64]) -> Pairs<'a, f64> {
        Pairs { offsets: &OFFSETS, q, h, width: WIDTH }
    }

    #[test]
    fn feature_gradients_are_the_slopes() {
        let (q, h) = (numbers(1, 5 * WIDTH), numbers(2, EVENTS * WIDTH));
        let d = numbers(3, EVENTS * FEATURE_BLOCKS * WIDTH);
        let value = |q: &[f64], h: &[f64]| {
            let mut out = vec![0.0; d.len()];
            features(&OFFSETS, q, h, WIDTH, &mut out);
            weighted(&out, &d)
        };
        let (mut d_q, mut d_h) = (vec![0.0; q.len()], vec![0.0; h.len()]);
        features_backward(pairs(&q, &h), &d, &mut d_q, &mut d_h);
        assert_slopes("q", &slopes(&q, |q| value(q, &h)), &d_q);
        assert_slopes("h", &slopes(&h, |h| value(&q, h)), &d_h);
    }

    #[test]
    fn softmax_gradients_are_the_slopes() {
        let (scores, d, scale) = (numbers(1, EVENTS), numbers(2, EVENTS), 0.7);
        let weights = |scores: &[f64]| {
            let mut weights = scores.to_vec();
            softmax(&OFFSETS, scale, &mut weights);
            weights
        };
        let mut d_scores = d.clone();
        softmax_backward(&OFFSETS, scale, &weights(&scores), &mut d_scores);
        assert_slopes("scores", &slopes(&scores, |s| weighted(&weights(s), &d)), &d_scores);
    }

    #[test]
    fn pool_gradients_are_the_slopes() {
        let (w, h, d) = (numbers(1, EVENTS), numbers(2, EVENTS * WIDTH), numbers(3, 5 * WIDTH));
        let value = |w: &[f64], h: &[f64]| {
            let mut out = vec![0.0; d.len()];
            pool(&OFFSETS, w, h, WIDTH, &mut out);
            weighted(&out, &d)
        };
        let (mut d_w, mut d_h) = (vec![0.0; w.len()], vec![0.0; h.len()]);
        pool_backward(pairs(&[], &h), &w, &d, &mut d_w, &mut d_h);
        assert_slopes("weights", &slopes(&w, |w| value(w, &h)), &d_w);
        assert_slopes("h", &slopes(&h, |h| value(&w, h)), &d_h);
    }

    #[test]
    fn softmax_sums_to_one_and_bears_large_scores() {
        let mut w = [1e4f32, -1e4, 1e4, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        softmax(&OFFSETS, 1.0, &mut w);
        assert_eq!(w[..4], [0.5, 0.0, 0.5, 1.0]);
        assert!((w[4..].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn empty_histories_pool_to_zero() {
        let mut out = [f32::NAN; 5 * WIDTH];
        pool(&OFFSETS, &[1.0; EVENTS], &[2.0; EVENTS * WIDTH], WIDTH, &mut out);
        let sums: Vec<f32> = out.chunks_exact(WIDTH).map(|row| row[0]).collect();
        assert_eq!(sums, [6.0, 0.0, 2.0, 10.0, 0.0]);
    }
}
