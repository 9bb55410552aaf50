//! Batch normalization (Ioffe & Szegedy 2015, arXiv 1502.03167), per channel:
//! `y = gamma (z - mean) / sqrt(variance + epsilon) + beta`.
//!
//! In training, mean and (biased) variance are those of the batch, and the gradient runs through
//! both; in evaluation they are given.

use super::Real;
use super::buffer::{AlignedBuffer, fit, zeroed};

/// What [`forward`] keeps for [`backward`], and the statistics that it used.
#[derive(Debug, Default)]
pub struct Tape<F> {
    /// Mean per channel.
    pub mean: Vec<F>,
    /// Biased variance per channel.
    pub variance: Vec<F>,
    /// `1 / sqrt(variance + epsilon)`.
    scale: Vec<F>,
    /// `(z - mean) scale`, `[rows x channels]`.
    normal: AlignedBuffer<F>,
    d_gamma: Vec<F>,
    d_beta: Vec<F>,
}

/// Overwrites `mean` and `variance` (biased) of each channel of `z`, which is `[rows x channels]`
/// with at least one row.
pub fn batch_moments<F: Real>(z: &[F], channels: usize, mean: &mut Vec<F>, variance: &mut Vec<F>) {
    let share = F::ONE / F::from_f64((z.len() / channels) as f64);
    let mean = zeroed(mean, channels);
    for row in z.chunks_exact(channels) {
        for (mean, &z) in mean.iter_mut().zip(row) {
            *mean += z;
        }
    }
    mean.iter_mut().for_each(|mean| *mean *= share);
    let variance = zeroed(variance, channels);
    for row in z.chunks_exact(channels) {
        for ((variance, &mean), &z) in variance.iter_mut().zip(&*mean).zip(row) {
            *variance += (z - mean) * (z - mean);
        }
    }
    variance.iter_mut().for_each(|variance| *variance *= share);
}

impl<F: Real> Tape<F> {
    /// Computes the statistics of `z`, `[rows x channels]` with at least one row.
    pub fn measure(&mut self, z: &[F], channels: usize) {
        batch_moments(z, channels, &mut self.mean, &mut self.variance);
    }

    /// Copies given (moving) statistics.
    pub fn copy_from(&mut self, mean: &[F], variance: &[F]) {
        fit(&mut self.mean, mean.len()).copy_from_slice(mean);
        fit(&mut self.variance, variance.len()).copy_from_slice(variance);
    }
}

/// Turns `z`, `[rows x channels]`, into `y`, using the statistics in the tape.
pub fn forward<F: Real>(z: &mut [F], gamma: &[F], beta: &[F], epsilon: F, tape: &mut Tape<F>) {
    let channels = gamma.len();
    let scale = fit(&mut tape.scale, channels);
    for (scale, &variance) in scale.iter_mut().zip(&tape.variance) {
        *scale = F::ONE / (variance + epsilon).sqrt();
    }
    let normal = tape.normal.fit(z.len());
    for (z, normal) in z.chunks_exact_mut(channels).zip(normal.chunks_exact_mut(channels)) {
        for j in 0..channels {
            normal[j] = (z[j] - tape.mean[j]) * tape.scale[j];
            z[j] = gamma[j] * normal[j] + beta[j];
        }
    }
}

/// Turns the gradient `d` by the output into the gradient by the input, through the batch
/// statistics too, and adds the gradients by `gamma` and `beta`. The tape must come from
/// [`Tape::measure`] and [`forward`].
pub fn backward<F: Real>(
    d: &mut [F],
    gamma: &[F],
    tape: &mut Tape<F>,
    d_gamma: &mut [F],
    d_beta: &mut [F],
) {
    let channels = gamma.len();
    if d.is_empty() {
        return;
    }
    let share = F::ONE / F::from_f64((d.len() / channels) as f64);
    let (by_gamma, by_beta) =
        (zeroed(&mut tape.d_gamma, channels), zeroed(&mut tape.d_beta, channels));
    let normal = &tape.normal[..];
    for (d, normal) in d.chunks_exact(channels).zip(normal.chunks_exact(channels)) {
        for j in 0..channels {
            by_gamma[j] += d[j] * normal[j];
            by_beta[j] += d[j];
        }
    }
    for (d, normal) in d.chunks_exact_mut(channels).zip(normal.chunks_exact(channels)) {
        for j in 0..channels {
            let rest = d[j] - share * (by_beta[j] + normal[j] * by_gamma[j]);
            d[j] = gamma[j] * tape.scale[j] * rest;
        }
    }
    for j in 0..channels {
        d_gamma[j] += by_gamma[j];
        d_beta[j] += by_beta[j];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};

    const CHANNELS: usize = 3;
    const EPSILON: f64 = 1e-3;

    fn run(z: &[f64], gamma: &[f64], beta: &[f64], tape: &mut Tape<f64>) -> Vec<f64> {
        let mut y = z.to_vec();
        tape.measure(z, CHANNELS);
        forward(&mut y, gamma, beta, EPSILON, tape);
        y
    }

    #[test]
    fn gradients_are_the_slopes() {
        let (z, d) = (numbers(1, 7 * CHANNELS), numbers(2, 7 * CHANNELS));
        let (gamma, beta) = (numbers(3, CHANNELS), numbers(4, CHANNELS));
        let of = |z: &[f64], gamma: &[f64], beta: &[f64]| {
            weighted(&run(z, gamma, beta, &mut Tape::default()), &d)
        };
        let mut tape = Tape::default();
        run(&z, &gamma, &beta, &mut tape);
        let (mut d_z, mut d_gamma, mut d_beta) = (d.clone(), vec![0.0; 3], vec![0.0; 3]);
        backward(&mut d_z, &gamma, &mut tape, &mut d_gamma, &mut d_beta);
        assert_slopes("z", &slopes(&z, |z| of(z, &gamma, &beta)), &d_z);
        assert_slopes("gamma", &slopes(&gamma, |gamma| of(&z, gamma, &beta)), &d_gamma);
        assert_slopes("beta", &slopes(&beta, |beta| of(&z, &gamma, beta)), &d_beta);
    }

    /// Channel 0 is 1, 3 (mean 2, variance 1), channel 1 is 0, 4 (mean 2, variance 4).
    #[test]
    fn a_batch_by_hand() {
        let mut tape = Tape::default();
        let mut y = vec![1.0f64, 0.0, 3.0, 4.0];
        tape.measure(&y, 2);
        assert_eq!((&tape.mean[..], &tape.variance[..]), (&[2.0, 2.0][..], &[1.0, 4.0][..]));
        forward(&mut y, &[3.0, 1.0], &[10.0, 0.0], 0.0, &mut tape);
        assert_eq!(y, [7.0, -1.0, 13.0, 1.0]);
        tape.copy_from(&[1.0, 0.0], &[4.0, 1.0]);
        let mut y = vec![3.0, 5.0];
        forward(&mut y, &[1.0, 2.0], &[0.0, 1.0], 0.0, &mut tape);
        assert_eq!(y, [1.0, 11.0]);
    }

    #[test]
    fn a_single_row_is_beta_and_has_no_gradient_behind() {
        let mut tape = Tape::default();
        let y = run(&[0.3, -2.0, 5.0], &[1.0; 3], &[0.5, 0.6, 0.7], &mut tape);
        assert_eq!(y, [0.5, 0.6, 0.7]);
        let mut d = vec![1.0; 3];
        backward(&mut d, &[1.0; 3], &mut tape, &mut [0.0; 3], &mut [0.0; 3]);
        assert_eq!(d, [0.0; 3]);
    }
}
