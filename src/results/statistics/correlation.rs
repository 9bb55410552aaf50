//! How strongly the two sides of pairs are correlated: the gain of pairing.

use super::mean;

/// Pearson's correlation; `None` for fewer than three pairs, or if a side does not vary.
pub fn of_pairs(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 3 {
        return None;
    }
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    let scale = aa.sqrt() * bb.sqrt();
    (scale > 0.0).then(|| (ab / scale).clamp(-1.0, 1.0))
}

/// Covariance of a sample (divisor n - 1); `None` for fewer than two pairs.
pub fn covariance(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let sum: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
    Some(sum / (a.len() - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `numpy.corrcoef`.
    #[test]
    fn the_correlation_is_that_of_numpy() {
        let a = [0.7312, 0.7319, 0.7314, 0.7302, 0.7331];
        let b = [0.7320, 0.7327, 0.7322, 0.7315, 0.7330];
        assert!((of_pairs(&a, &b).unwrap() - 0.9715746832471789).abs() < 1e-12);
        assert_eq!(of_pairs(&a, &[0.5; 5]), None);
        assert_eq!(of_pairs(&a[..2], &b[..2]), None);
    }
}
