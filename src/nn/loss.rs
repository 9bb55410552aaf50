//! Binary cross-entropy on logits.

use super::Real;
use super::buffer::fit;

/// Examples whose losses are computed before they are added up.
const SOME: usize = 64;

/// Mean of `-y ln p - (1 - y) ln (1 - p)` with `p = sigmoid(logit)`, and its gradient by logit.
/// Stable for logits of any size; a NaN logit gives a NaN loss.
pub fn cross_entropy<F: Real>(logits: &[F], labels: &[f32], d_logits: &mut Vec<F>) -> f64 {
    weighted_cross_entropy(logits, labels, &[], d_logits)
}

/// The same with the loss of each example times its weight, over the number of examples: an example
/// of weight -1 takes the same example of weight 1 back. No weights at all are weights of 1.
pub fn weighted_cross_entropy<F: Real>(
    logits: &[F],
    labels: &[f32],
    weights: &[f32],
    d_logits: &mut Vec<F>,
) -> f64 {
    let count = logits.len().max(1) as f64;
    let share = F::ONE / F::from_f64(count);
    let mut weights = weights.chunks(SOME);
    let some = logits.chunks(SOME).zip(labels.chunks(SOME));
    let mut total = 0.0;
    for ((z, y), d) in some.zip(fit(d_logits, logits.len()).chunks_mut(SOME)) {
        let mut losses = [F::ZERO; SOME];
        let losses = &mut losses[..z.len()];
        F::cross_entropy(z, y, share, losses, d);
        for ((loss, d), weight) in losses.iter_mut().zip(d).zip(weights.next().unwrap_or_default())
        {
            let weight = F::from_f64(f64::from(*weight));
            (*loss, *d) = (*loss * weight, *d * weight);
        }
        total = losses.iter().fold(total, |sum, loss| sum + loss.to_f64());
    }
    total / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope() {
        let (logits, labels) = ([0.3f64, -40.0, 25.0, 0.0], [1.0f32, 1.0, 0.0, 0.0]);
        let mut d = Vec::new();
        cross_entropy(&logits, &labels, &mut d);
        for i in 0..logits.len() {
            let at = |h: f64| {
                let mut moved = logits;
                moved[i] += h;
                cross_entropy(&moved, &labels, &mut Vec::new())
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((slope - d[i]).abs() < 1e-8, "{i}: {slope} {}", d[i]);
        }
    }

    #[test]
    fn weights_scale_losses_and_gradients_example_by_example() {
        let numbers = |k: usize| (k as f64 * 0.7).sin() * 5.0;
        let logits: Vec<f64> = (0..150).map(numbers).collect();
        let labels: Vec<f32> = (0..150).map(|k| (k % 3 == 0) as u8 as f32).collect();
        let weights: Vec<f32> = (0..150).map(|k| (k % 5) as f32 - 1.0).collect();
        let (mut d, mut plain) = (Vec::new(), Vec::new());
        let loss = weighted_cross_entropy(&logits, &labels, &weights, &mut d);
        cross_entropy(&logits, &labels, &mut plain);
        let one = |k: usize| cross_entropy(&logits[k..=k], &labels[k..=k], &mut Vec::new());
        let sum: f64 = (0..150).map(|k| f64::from(weights[k]) * one(k)).sum();
        assert!((loss - sum / 150.0).abs() < 1e-12, "{loss} {}", sum / 150.0);
        assert!((0..150).all(|k| d[k] == plain[k] * f64::from(weights[k])));
        let ones = weighted_cross_entropy(&logits, &labels, &[1.0; 150], &mut d);
        assert_eq!((ones, d), (cross_entropy(&logits, &labels, &mut plain), plain));
    }

    #[test]
    fn an_example_known_by_heart_has_no_gradient() {
        let mut d = Vec::new();
        cross_entropy(&[-20.0f32, -60.0, -90.0, -200.0], &[0.0; 4], &mut d);
        assert!(d[0] > 0.0);
        assert_eq!(d[1..], [0.0; 3]);
    }

    #[test]
    fn nan_is_not_hidden() {
        assert!(cross_entropy(&[f32::NAN, 0.0], &[1.0, 0.0], &mut Vec::new()).is_nan());
    }
}
