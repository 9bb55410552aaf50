//! The bootstrap: an interval that does not assume a normal law. Bias-corrected and accelerated
//! (BCa), after Efron (1987), "Better bootstrap confidence intervals", equations 2.3 and 6.6.
//!
//! With few values it is too narrow, since resamples contain only values that were seen
//! (`a_few_values_are_covered_less_often` measures how much). So Student's t is the default.

use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{CONFIDENCE, Estimate, FEWEST, Interval, mean};
use crate::base::{Purpose, Streams};

/// Number of resamples for an interval.
pub const RESAMPLES: usize = 10_000;

/// The mean of `values`; `None` for fewer than [`FEWEST`]. The same streams give the same interval.
pub fn of_mean(values: &[f64], streams: Streams) -> Option<Estimate> {
    (values.len() >= FEWEST).then(|| estimate(&[(1.0, values)], streams))
}

/// The mean of `b` minus that of `a`, which are not paired and are resampled independently; `None`
/// if either has fewer than [`FEWEST`] values.
pub fn of_difference(a: &[f64], b: &[f64], streams: Streams) -> Option<Estimate> {
    let enough = a.len().min(b.len()) >= FEWEST;
    enough.then(|| estimate(&[(1.0, b), (-1.0, a)], streams))
}

/// A signed sum of means of independent samples.
fn estimate(samples: &[(f64, &[f64])], streams: Streams) -> Estimate {
    let value: f64 = samples.iter().map(|(sign, values)| sign * exact_mean(values)).sum();
    let spread = |values: &[f64]| values.iter().any(|value| *value != values[0]);
    if !samples.iter().any(|(_, values)| spread(values)) {
        return Estimate::exact(value);
    }
    let resampled = resample(samples, streams);
    let shape =
        BootstrapCorrections { bias: bias(&resampled, value), acceleration: acceleration(samples) };
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let interval = Interval {
        low: sorted_quantile(&resampled, shape.corrected(tail)),
        high: sorted_quantile(&resampled, shape.corrected(1.0 - tail)),
    };
    let one_sided = shape.uncorrected(share_below(&resampled, 0.0));
    // A smaller value cannot be estimated from so many resamples.
    let p = (2.0 * one_sided.min(1.0 - one_sided)).clamp(1.0 / RESAMPLES as f64, 1.0);
    Estimate { value, interval, p }
}

fn exact_mean(values: &[f64]) -> f64 {
    mean(values).expect("samples are not empty")
}

/// The estimates of all resamples, sorted.
fn resample(samples: &[(f64, &[f64])], streams: Streams) -> Vec<f64> {
    let one = |number: usize| -> f64 {
        let means = samples.iter().enumerate().map(|(who, (sign, values))| {
            let mut rng = streams.rng(Purpose::Resample, who as u64, number as u64);
            let drawn: f64 =
                (0..values.len()).map(|_| values[rng.random_range(0..values.len())]).sum();
            sign * drawn / values.len() as f64
        });
        means.sum()
    };
    let mut resampled: Vec<f64> = (0..RESAMPLES).map(one).collect();
    resampled.sort_by(f64::total_cmp);
    resampled
}

/// The corrections for reading the distribution of resamples.
struct BootstrapCorrections {
    bias: f64,
    acceleration: f64,
}

impl BootstrapCorrections {
    /// The level of the resamples for the level `p` of the interval.
    fn corrected(&self, p: f64) -> f64 {
        let shifted = self.bias + normal().inverse_cdf(p);
        normal().cdf(self.bias + shifted / (1.0 - self.acceleration * shifted))
    }

    /// The inverse: the level of the interval for a level of the resamples.
    fn uncorrected(&self, level: f64) -> f64 {
        let beyond = normal().inverse_cdf(level) - self.bias;
        normal().cdf(beyond / (1.0 + self.acceleration * beyond) - self.bias)
    }
}

fn normal() -> Normal {
    Normal::new(0.0, 1.0).expect("the standard normal law")
}

fn bias(resampled: &[f64], value: f64) -> f64 {
    normal().inverse_cdf(share_below(resampled, value))
}

/// Share of sorted numbers below `value`, ties counted half; never exactly 0 or 1.
fn share_below(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|x| *x < value);
    let up_to = sorted.partition_point(|x| *x <= value);
    let share = (below + up_to) as f64 / 2.0 / sorted.len() as f64;
    let least = 0.5 / sorted.len() as f64;
    share.clamp(least, 1.0 - least)
}

/// Skewness of the influence of single values, divided by six: for means it has a closed form.
fn acceleration(samples: &[(f64, &[f64])]) -> f64 {
    let (mut squares, mut cubes) = (0.0, 0.0);
    for (sign, values) in samples {
        let mean = exact_mean(values);
        for value in *values {
            let influence = sign * (value - mean) / values.len() as f64;
            squares += influence * influence;
            cubes += influence * influence * influence;
        }
    }
    if squares > 0.0 { cubes / (6.0 * squares * squares.sqrt()) } else { 0.0 }
}

/// The value at a level between 0 and 1, interpolated.
fn sorted_quantile(sorted: &[f64], level: f64) -> f64 {
    let place = level * (sorted.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    const VALUES: [f64; 12] = [0.5, 1.2, -0.3, 2.4, 0.8, 0.1, 3.9, 0.7, 1.1, -0.2, 0.4, 1.6];

    /// From `scipy.stats.bootstrap(method="BCa", n_resamples=200000)`: 0.5167 and 1.8750, where the
    /// percentile method gives 0.4417 and 1.7083.
    #[test]
    fn the_interval_is_that_of_scipy() {
        let found: Vec<_> =
            (0..16).map(|seed| of_mean(&VALUES, Streams::new(seed)).unwrap().interval).collect();
        let (low, high): (Vec<f64>, Vec<f64>) = found.iter().map(|i| (i.low, i.high)).unzip();
        assert!((exact_mean(&low) - 0.5167).abs() < 0.01, "{low:?}");
        assert!((exact_mean(&high) - 1.8750).abs() < 0.015, "{high:?}");
    }

    #[test]
    fn the_same_streams_give_the_same_interval() {
        let of = |seed| of_mean(&VALUES, Streams::new(seed)).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).interval, of(2).interval);
        assert_eq!(of_mean(&VALUES[..2], Streams::new(1)), None);
        assert_eq!(of_mean(&[0.25; 5], Streams::new(1)).unwrap().p, 0.0);
    }

    #[test]
    fn the_p_value_and_the_interval_agree() {
        let shape = BootstrapCorrections { bias: 0.13, acceleration: 0.07 };
        for p in [0.001, 0.025, 0.4, 0.975] {
            assert!((shape.uncorrected(shape.corrected(p)) - p).abs() < 1e-9);
        }
        for shift in [-3.0, -1.2, -0.7, 0.0, 0.5] {
            let moved: Vec<f64> = VALUES.iter().map(|value| value + shift).collect();
            let found = of_mean(&moved, Streams::new(3)).unwrap();
            assert_eq!(found.p < 0.05, !found.interval.contains(0.0), "{shift}: {found:?}");
        }
    }

    /// Share of the intervals of normal samples that cover the truth, over 1 000 repetitions.
    fn coverage(count: u64) -> f64 {
        let streams = Streams::new(5);
        let covers = |trial: &u64| {
            let mut rng = streams.rng(Purpose::Custom, count, *trial);
            let values: Vec<f64> = (0..count).map(|_| StandardNormal.sample(&mut rng)).collect();
            of_mean(&values, Streams::new(*trial)).unwrap().interval.contains(0.0)
        };
        (0..1_000).filter(covers).count() as f64 / 1_000.0
    }

    #[test]
    fn a_few_values_are_covered_less_often() {
        let (few, many) = (coverage(5), coverage(30));
        assert!((0.78..0.88).contains(&few), "{few}");
        assert!((0.91..0.97).contains(&many), "{many}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn swapping_the_sides_turns_the_interval(
            a in proptest::collection::vec(-9.0f64..9.0, 3..8),
            b in proptest::collection::vec(-9.0f64..9.0, 3..8),
        ) {
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
            let turned: Vec<f64> = differences.iter().map(|x| -x).collect();
            let of = |values: &[f64]| of_mean(values, Streams::new(1)).unwrap();
            let (there, back) = (of(&differences), of(&turned));
            prop_assert_eq!(there.value, -back.value);
            prop_assert!((there.interval.low + back.interval.high).abs() < 1e-9);
            prop_assert!((there.p - back.p).abs() < 1e-9);
            let unpaired = of_difference(&a, &b, Streams::new(1)).unwrap();
            prop_assert!(unpaired.interval.low <= unpaired.interval.high);
        }
    }
}
