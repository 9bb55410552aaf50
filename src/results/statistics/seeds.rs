//! How many seeds a decision would take.

use super::student::quantile;

/// Chance that an experiment of the size given by [`needed`] decides.
pub const POWER: f64 = 0.8;
/// Larger numbers of seeds are not reported.
pub const MOST: u64 = 100_000;

/// The smallest number of pairs that would show a difference from zero at the two-sided level
/// `alpha`, with a chance of [`POWER`]. It takes the observed difference and the observed spread as
/// true. `None` beyond [`MOST`], or without a difference.
///
/// The usual formula n = ((t(1 - alpha/2) + t(power)) s / d)^2 with n - 1 degrees of freedom.
pub fn needed(difference: f64, deviation: f64, alpha: f64) -> Option<u64> {
    let ratio = deviation / difference.abs();
    if !ratio.is_finite() {
        return None;
    }
    let enough = |count: u64| {
        let freedom = (count - 1) as f64;
        let sum = quantile(1.0 - alpha / 2.0, freedom) + quantile(POWER, freedom);
        (sum * ratio).powi(2) <= count as f64
    };
    if !enough(MOST) {
        return None;
    }
    // `enough` is monotone: more seeds are never worse.
    let (mut low, mut high) = (1, MOST);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};
    use crate::results::statistics::student;
    use rand_distr::{Distribution, StandardNormal};

    /// From the noncentral t of scipy: the smallest n whose power reaches 80 %.
    #[test]
    fn sizes_are_those_of_the_exact_power() {
        for (deviation, difference, expected) in
            [(1.0, 2.0, 5), (1.0, 1.0, 10), (1.0, -0.5, 34), (2195.0, 840.0, 56), (1.0, 0.1, 787)]
        {
            assert_eq!(needed(difference, deviation, 0.05), Some(expected));
        }
        assert_eq!(needed(0.0, 1.0, 0.05), None);
        assert_eq!(needed(1e-9, 1.0, 0.05), None);
        assert!(needed(0.5, 1.0, 0.005) > Some(34));
    }

    #[test]
    fn so_many_seeds_decide_four_times_in_five() {
        let count = needed(0.5, 1.0, 0.05).unwrap();
        let streams = Streams::new(9);
        let decides = |trial: &u64| {
            let mut rng = streams.rng(Purpose::Custom, 0, *trial);
            let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
            let values: Vec<f64> = (0..count).map(|_| 0.5 + draw()).collect();
            student::of_mean(&values).unwrap().p < 0.05
        };
        let share = (0..4_000).filter(decides).count() as f64 / 4_000.0;
        assert!((share - POWER).abs() < 0.03, "{share}");
    }
}
