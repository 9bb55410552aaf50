//! Binary cross-entropy on logits.

use super::Real;
use super::buffer::fit;

/// Examples whose losses are computed before they are added up.
const SOME: usize = 64;

/// Mean of `-y ln p - (1 - y) ln (1 - p)` with `p = sigmoid(logit)`, and its gradient by logit.
/// Stable for logits of any size; a NaN logit gives a NaN loss.
pub fn cross_entropy<F: Real>(logits: &[F], labels: &[f32], d_logits: &mut Vec<F>) -> f64 {
    let count = logits.len().max(1) as f64;
    let share = F::ONE / F::from_f64(count);
    let some = logits.chunks(SOME).zip(labels.chunks(SOME));
    let mut total = 0.0;
    for ((z, y), d) in some.zip(fit(d_logits, logits.len()).chunks_mut(SOME)) {
        let mut losses = [F::ZERO; SOME];
        let losses = &mut losses[..z.len()];
        F::cross_entropy(z, y, share, losses, d);
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
