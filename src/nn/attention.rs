//! DIN's attention over a user's history (Zhou et al. 2017, arXiv 1706.06978), except the loops of
//! [`kernels`](super::kernels): the first layer of the attention unit, and an optional softmax over
//! time.
//!
//! Histories are ragged: the events of all examples are stored one after the other, and `offsets`
//! (`B + 1` numbers) says where each example's events begin. There is no padding; an example
//! without events has an empty range.

use std::ops::Range;

use super::Real;
use super::buffer::AlignedBuffer;
use super::gemm::{self, GemmSize, ProductStart};
use super::kernels::CandidateEvents;

/// Number of blocks in the input of the attention unit: `q`, `h`, `q - h`, `q * h`.
pub const FEATURE_BLOCKS: usize = 4;

/// The layer `[q, h, q - h, q * h] w + b` for every event `h` and the candidate `q` of its example.
///
/// With the rows of `w` in the blocks `w_q, w_h, w_d, w_p` it is computed as `q (w_q + w_d) + h
/// (w_h - w_d + diag(q) w_p) + b`. The first term and the matrix for the events are computed once
/// per example; each event then costs a quarter of the width.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PairLayer {
    /// Numbers per candidate and per event.
    pub width: usize,
    /// Numbers of output per event.
    pub outputs: usize,
}

/// What [`PairLayer::forward`] keeps for the backward pass, and the buffers of both.
#[derive(Debug, Default)]
pub struct PairTape<F> {
    /// `w_q + w_d`, `[width x outputs]`.
    by_example: AlignedBuffer<F>,
    /// `w_h - w_d`, `[width x outputs]`.
    by_event: AlignedBuffer<F>,
    /// The matrix that multiplies the events of one example; transposed in the backward pass.
    mixed: AlignedBuffer<F>,
    /// The first term, and later the sums of each example's gradients: `[B x outputs]`.
    sums: AlignedBuffer<F>,
    d_by_example: AlignedBuffer<F>,
    d_mixed: AlignedBuffer<F>,
    /// `w_h - w_d` and `w_p`, transposed.
    transposed: [AlignedBuffer<F>; 2],
    /// Their gradients.
    d_transposed: [AlignedBuffer<F>; 2],
}

impl PairLayer {
    fn size(self, rows: usize) -> GemmSize {
        GemmSize { rows, inputs: self.width, outputs: self.outputs }
    }

    /// Overwrites `y`, `[events x outputs]`. `weight` is `[4 width x outputs]`.
    pub fn forward<F: Real>(
        self,
        weight: &[F],
        bias: &[F],
        history: CandidateEvents<'_, F>,
        tape: &mut PairTape<F>,
        y: &mut [F],
    ) {
        let PairLayer { width, outputs } = self;
        let block = width * outputs;
        let (sides, rest) = weight.split_at(2 * block);
        let ((w_q, w_h), (w_d, w_p)) = (sides.split_at(block), rest.split_at(block));
        let by_example = tape.by_example.fit(block);
        let by_event = tape.by_event.fit(block);
        for (i, &d) in w_d.iter().enumerate() {
            by_example[i] = w_q[i] + d;
            by_event[i] = w_h[i] - d;
        }
        let examples = self.size(history.q.len() / width);
        let sums = tape.sums.fit(examples.rows * outputs);
        gemm::nn(examples, ProductStart::Row(bias), history.q, by_example, sums);
        let mixed = tape.mixed.fit(block);
        for (example, events) in segments(history.offsets).enumerate() {
            let q = &history.q[example * width..][..width];
            let sum = ProductStart::Row(&sums[example * outputs..][..outputs]);
            let h = &history.events[events.start * width..events.end * width];
            let y = &mut y[events.start * outputs..events.end * outputs];
            F::mix_rows(by_event, w_p, q, mixed);
            gemm::nn(self.size(events.len()), sum, h, mixed, y);
        }
    }

    /// Adds the gradients by weight and bias to `d_weight` and `d_bias`, and those by candidates
    /// and events to `d_q` and `d_events`. `tape` must come from [`forward`](Self::forward).
    pub fn backward<F: Real>(
        self,
        weight: &[F],
        history: CandidateEvents<'_, F>,
        d_y: &[F],
        tape: &mut PairTape<F>,
        (d_weight, d_bias): (&mut [F], &mut [F]),
        (d_q, d_events): (&mut [F], &mut [F]),
    ) {
        let PairLayer { width, outputs } = self;
        let block = width * outputs;
        let examples = self.size(history.q.len() / width);
        let sums = tape.sums.fit(examples.rows * outputs);
        F::sum_rows(history.offsets, d_y, outputs, sums);
        F::column_sums(sums, d_bias);
        let d_example = tape.d_by_example.fit(block);
        gemm::tn(examples, ProductStart::Zero, history.q, sums, d_example);
        gemm::nt(examples, ProductStart::Itself, sums, &tape.by_example, &mut tape.mixed, d_q);

        self.backward_events(&weight[3 * block..], history, d_y, tape, (d_q, d_events));
        let (sides, rest) = d_weight.split_at_mut(2 * block);
        let ((d_wq, d_wh), (d_wd, d_wp)) = (sides.split_at_mut(block), rest.split_at_mut(block));
        let PairTape { d_by_example: d_example, d_mixed: turned, d_transposed, .. } = tape;
        F::transpose(&d_transposed[0], outputs, width, turned);
        for i in 0..block {
            d_wq[i] += d_example[i];
            d_wh[i] += turned[i];
            d_wd[i] += d_example[i] - turned[i];
        }
        F::transpose(&d_transposed[1], outputs, width, turned);
        gemm::add_scaled(F::ONE, turned, d_wp);
    }

    /// The part of [`backward`](Self::backward) below the events: writes the gradients by `w_h -
    /// w_d` and `w_p` into `tape.d_transposed`. The matrices are transposed, so that neighbouring
    /// numbers belong to neighbouring numbers of `q`.
    fn backward_events<F: Real>(
        self,
        w_p: &[F],
        history: CandidateEvents<'_, F>,
        d_y: &[F],
        tape: &mut PairTape<F>,
        (d_q, d_events): (&mut [F], &mut [F]),
    ) {
        let PairLayer { width, outputs } = self;
        let block = width * outputs;
        let [by_event, by_product] = &mut tape.transposed;
        F::transpose(&tape.by_event, width, outputs, by_event.fit(block));
        F::transpose(w_p, width, outputs, by_product.fit(block));
        let [d_by_event, d_by_product] = &mut tape.d_transposed;
        let (d_by_event, d_by_product) = (d_by_event.zeroed(block), d_by_product.zeroed(block));
        let (mixed, d_mixed) = (tape.mixed.fit(block), tape.d_mixed.fit(block));
        for (example, events) in
            segments(history.offsets).enumerate().filter(|(_, e)| !e.is_empty())
        {
            let of_example = example * width..(example + 1) * width;
            let (q, d_q) = (&history.q[of_example.clone()], &mut d_q[of_example]);
            let of_events = events.start * width..events.end * width;
            let (h, d_h) = (&history.events[of_events.clone()], &mut d_events[of_events]);
            let d_y = &d_y[events.start * outputs..events.end * outputs];
            F::mix_columns(by_event, by_product, q, mixed);
            let back = GemmSize { rows: events.len(), inputs: outputs, outputs: width };
            gemm::nn(back, ProductStart::Itself, d_y, mixed, d_h);
            gemm::tn(back, ProductStart::Zero, d_y, h, d_mixed);
            F::mix_columns_backward(by_product, q, d_mixed, d_by_event, d_by_product, d_q);
        }
    }
}

/// The ranges of the events of each example.
fn segments(offsets: &[u32]) -> impl Iterator<Item = Range<usize>> {
    offsets.windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
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

/// Turns the gradient `d` by the weights of [`softmax`] into the gradient by the scores.
pub fn softmax_backward<F: Real>(offsets: &[u32], scale: F, weights: &[F], d: &mut [F]) {
    for events in segments(offsets) {
        let (weights, d) = (&weights[events.clone()], &mut d[events]);
        let mean = gemm::dot(weights, d);
        for (d, &weight) in d.iter_mut().zip(weights) {
            *d = scale * weight * (*d - mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};
    use crate::nn::kernels::Kernels;

    const OFFSETS: [u32; 6] = [0, 3, 3, 4, 9, 9];
    const WIDTH: usize = 3;
    const EVENTS: usize = 9;
    const LAYER: PairLayer = PairLayer { width: WIDTH, outputs: 2 };

    fn history<'a>(q: &'a [f64], events: &'a [f64]) -> CandidateEvents<'a, f64> {
        CandidateEvents { offsets: &OFFSETS, q, events, width: WIDTH }
    }

    fn layer(w: &[f64], b: &[f64], q: &[f64], h: &[f64], tape: &mut PairTape<f64>) -> Vec<f64> {
        let mut y = vec![0.0; EVENTS * LAYER.outputs];
        LAYER.forward(w, b, history(q, h), tape, &mut y);
        y
    }

    #[test]
    fn the_layer_is_that_of_the_four_blocks() {
        let (q, h) = (numbers(1, 5 * WIDTH), numbers(2, EVENTS * WIDTH));
        let (w, b) = (numbers(3, 4 * WIDTH * LAYER.outputs), numbers(4, LAYER.outputs));
        let y = layer(&w, &b, &q, &h, &mut PairTape::default());
        for (example, events) in segments(&OFFSETS).enumerate() {
            for e in events {
                let (q, h) = (&q[example * WIDTH..][..WIDTH], &h[e * WIDTH..][..WIDTH]);
                let both = || q.iter().zip(h);
                let x = q.iter().chain(h).copied();
                let x = x.chain(both().map(|(q, h)| q - h)).chain(both().map(|(q, h)| q * h));
                for j in 0..LAYER.outputs {
                    let rows = w[j..].iter().step_by(LAYER.outputs);
                    let plain = b[j] + x.clone().zip(rows).map(|(x, w)| x * w).sum::<f64>();
                    assert!((plain - y[e * LAYER.outputs + j]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn gradients_of_layer_and_pooling_are_the_slopes() {
        let (q, h) = (numbers(1, 5 * WIDTH), numbers(2, EVENTS * WIDTH));
        let (w, b) = (numbers(3, 4 * WIDTH * LAYER.outputs), numbers(4, LAYER.outputs));
        let (weights, d_y) = (numbers(5, EVENTS), numbers(6, EVENTS * LAYER.outputs));
        let d_pooled = numbers(7, 5 * WIDTH);
        let pooled = |weights: &[f64], h: &[f64]| {
            let mut out = vec![0.0; 5 * WIDTH];
            f64::pool(&OFFSETS, weights, h, WIDTH, &mut out);
            weighted(&out, &d_pooled)
        };
        let value = |w: &[f64], b: &[f64], q: &[f64], h: &[f64]| {
            weighted(&layer(w, b, q, h, &mut PairTape::default()), &d_y) + pooled(&weights, h)
        };
        let mut tape = PairTape::default();
        layer(&w, &b, &q, &h, &mut tape);
        let [mut d_w, mut d_b] = [vec![0.0; w.len()], vec![0.0; b.len()]];
        let [mut d_q, mut d_h] = [vec![0.0; q.len()], vec![f64::NAN; h.len()]];
        f64::pool_backward_events(&OFFSETS, &weights, &d_pooled, WIDTH, &mut d_h);
        let (by_parameters, by_inputs) =
            ((&mut d_w[..], &mut d_b[..]), (&mut d_q[..], &mut d_h[..]));
        LAYER.backward(&w, history(&q, &h), &d_y, &mut tape, by_parameters, by_inputs);
        let mut d_weights = vec![0.0; EVENTS];
        f64::pool_backward(&OFFSETS, &d_pooled, &h, WIDTH, &mut d_weights);
        assert_slopes("w", &slopes(&w, |w| value(w, &b, &q, &h)), &d_w);
        assert_slopes("b", &slopes(&b, |b| value(&w, b, &q, &h)), &d_b);
        assert_slopes("q", &slopes(&q, |q| value(&w, &b, q, &h)), &d_q);
        assert_slopes("h", &slopes(&h, |h| value(&w, &b, &q, h)), &d_h);
        assert_slopes("weights", &slopes(&weights, |w| pooled(w, &h)), &d_weights);
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
    fn softmax_sums_to_one_and_bears_large_scores() {
        let mut w = [1e4f32, -1e4, 1e4, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        softmax(&OFFSETS, 1.0, &mut w);
        assert_eq!(w[..4], [0.5, 0.0, 0.5, 1.0]);
        assert!((w[4..].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn empty_histories_pool_to_zero() {
        let mut out = [f32::NAN; 5 * WIDTH];
        let events = [2.0; EVENTS * WIDTH];
        f32::pool(&OFFSETS, &[1.0; EVENTS], &events, WIDTH, &mut out);
        let sums: Vec<f32> = out.chunks_exact(WIDTH).map(|row| row[0]).collect();
        assert_eq!(sums, [6.0, 0.0, 2.0, 10.0, 0.0]);
    }
}
