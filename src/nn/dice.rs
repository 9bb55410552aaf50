//! Dice, the data-adaptive activation of DIN (Zhou et al. 2017, section 4.3 of arXiv 1706.06978):
//! `a = p z + (1 - p) slope z` with `p = sigmoid((z - mean) / sqrt(variance + 1e-8))`.
//!
//! In training, mean and variance are those of the batch per channel, and the gradient runs through
//! both; in evaluation they are moving averages. The variance is the biased one, as in the paper.

use super::Real;
use super::activation::logistic;
use super::buffer::fit;
use super::normalization::batch_moments;

/// Added to the variance (the paper's value).
pub const EPSILON: f64 = 1e-8;

/// What [`forward`] keeps for [`backward`], and the statistics that it used.
#[derive(Clone, Debug, Default)]
pub struct Tape<F> {
    /// Mean per channel.
    pub mean: Vec<F>,
    /// Biased variance per channel.
    pub variance: Vec<F>,
    gate: Vec<F>,
    d_normal: Vec<F>,
    sums: Vec<[F; 2]>,
}

/// Stores mean and biased variance of each channel of `z` in the tape. `z` is `[rows x channels]`
/// with at least one row.
pub fn batch_statistics<F: Real>(z: &[F], channels: usize, tape: &mut Tape<F>) {
    batch_moments(z, channels, &mut tape.mean, &mut tape.variance);
}

/// Stores given (moving) statistics in the tape.
pub fn given_statistics<F: Real>(mean: &[F], variance: &[F], tape: &mut Tape<F>) {
    fit(&mut tape.mean, mean.len()).copy_from_slice(mean);
    fit(&mut tape.variance, variance.len()).copy_from_slice(variance);
}

/// Overwrites `a`, using the statistics in the tape. `z` and `a` are `[rows x channels]`; `slope`
/// has one number per channel, or one for all.
pub fn forward<F: Real>(z: &[F], slope: &[F], tape: &mut Tape<F>, a: &mut [F]) {
    let channels = tape.mean.len();
    let gate = fit(&mut tape.gate, z.len());
    for (row, z) in z.chunks_exact(channels).enumerate() {
        let at = row * channels;
        for (j, &z) in z.iter().enumerate() {
            let normal = (z - tape.mean[j]) * inverse_deviation(tape.variance[j]);
            let p = logistic(normal);
            gate[at + j] = p;
            a[at + j] = z * (p + (F::ONE - p) * of_channel(slope, j));
        }
    }
}

/// Turns the gradient `d` by the output into the gradient by `z`, through the batch statistics too,
/// and adds the gradient by the slopes to `d_slope`. The tape must come from [`batch_statistics`]
/// and [`forward`].
pub fn backward<F: Real>(z: &[F], slope: &[F], tape: &mut Tape<F>, d: &mut [F], d_slope: &mut [F]) {
    let channels = tape.mean.len();
    let share = F::ONE / F::from_f64((z.len() / channels) as f64);
    let d_normal = fit(&mut tape.d_normal, z.len());
    tape.sums.clear();
    tape.sums.resize(channels, [F::ZERO; 2]);
    for (i, (d, &z)) in d.iter_mut().zip(z).enumerate() {
        let (j, p) = (i % channels, tape.gate[i]);
        let slope = of_channel(slope, j);
        let d_gate = *d * z * (F::ONE - slope);
        d_slope[if d_slope.len() == 1 { 0 } else { j }] += *d * (F::ONE - p) * z;
        d_normal[i] = d_gate * p * (F::ONE - p);
        *d *= p + (F::ONE - p) * slope;
        let normal = (z - tape.mean[j]) * inverse_deviation(tape.variance[j]);
        tape.sums[j][0] += d_normal[i];
        tape.sums[j][1] += d_normal[i] * normal;
    }
    for (i, (d, &z)) in d.iter_mut().zip(z).enumerate() {
        let j = i % channels;
        let scale = inverse_deviation(tape.variance[j]);
        let normal = (z - tape.mean[j]) * scale;
        let [sum, sum_normal] = tape.sums[j];
        *d += scale * (d_normal[i] - share * (sum + normal * sum_normal));
    }
}

fn inverse_deviation<F: Real>(variance: F) -> F {
    F::ONE / (variance + F::from_f64(EPSILON)).sqrt()
}

fn of_channel<F: Real>(slope: &[F], channel: usize) -> F {
    slope[if slope.len() == 1 { 0 } else { channel }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};

    const CHANNELS: usize = 3;

    fn run(z: &[f64], slope: &[f64], tape: &mut Tape<f64>) -> Vec<f64> {
        let mut a = vec![0.0; z.len()];
        batch_statistics(z, CHANNELS, tape);
        forward(z, slope, tape, &mut a);
        a
    }

    #[test]
    fn the_gradient_runs_through_mean_and_variance() {
        let (z, d) = (numbers(1, 7 * CHANNELS), numbers(2, 7 * CHANNELS));
        for slope in [numbers(3, CHANNELS), numbers(3, 1)] {
            let of = |z: &[f64], s: &[f64]| weighted(&run(z, s, &mut Tape::default()), &d);
            let mut tape = Tape::default();
            run(&z, &slope, &mut tape);
            let (mut d_z, mut d_slope) = (d.clone(), vec![0.0; slope.len()]);
            backward(&z, &slope, &mut tape, &mut d_z, &mut d_slope);
            assert_slopes("z", &slopes(&z, |z| of(z, &slope)), &d_z);
            assert_slopes("slope", &slopes(&slope, |s| of(&z, s)), &d_slope);
        }
    }

    #[test]
    fn statistics_are_mean_and_biased_variance() {
        let mut tape = Tape::default();
        batch_statistics(&[1.0f64, 0.0, 3.0, 4.0], 2, &mut tape);
        assert_eq!((tape.mean, tape.variance), (vec![2.0, 2.0], vec![1.0, 4.0]));
    }

    #[test]
    fn a_batch_judged_by_its_own_statistics_is_the_same_in_evaluation() {
        let (z, slope) = (numbers(1, 5 * CHANNELS), numbers(3, CHANNELS));
        let mut tape = Tape::default();
        let trained = run(&z, &slope, &mut tape);
        let (mean, variance) = (tape.mean.clone(), tape.variance.clone());
        let mut evaluated = vec![0.0; z.len()];
        given_statistics(&mean, &variance, &mut tape);
        forward(&z, &slope, &mut tape, &mut evaluated);
        assert_eq!(trained, evaluated);
    }

    #[test]
    fn a_single_row_has_no_gradient_through_the_gate() {
        let (z, slope) = (vec![0.3, -2.0, 5.0], vec![0.1, 0.2, 0.3]);
        let mut tape = Tape::default();
        run(&z, &slope, &mut tape);
        let (mut d, mut d_slope) = (vec![1.0; 3], vec![0.0; 3]);
        backward(&z, &slope, &mut tape, &mut d, &mut d_slope);
        for (d, slope) in d.iter().zip(&slope) {
            assert!((d - (0.5 + 0.5 * slope)).abs() < 1e-9);
        }
    }
}
