//! The interval of the mean of a positive quantity, such as a time or a rate, which never reaches
//! below zero.
//!
//! The logarithms of such figures are closer to normal than the figures themselves. So this is Cox's
//! interval for the mean of a log-normal law with Student's t (Olsson 2005, "Confidence intervals for
//! the mean of a log-normal distribution", Journal of Statistics Education 13(1)). If all values are
//! close together, it is Student's interval of the mean.

use super::{CONFIDENCE, FEWEST, Interval, deviation, mean, student};

/// The interval of the mean of `values`, none of them negative; `None` for fewer than [`FEWEST`]. It
/// holds the mean of the values. A zero has no logarithm: with one the interval is Student's, which
/// then begins at zero at the lowest.
pub fn of_mean(values: &[f64]) -> Option<Interval> {
    let center = mean(values)?;
    if values.len() < FEWEST || values.iter().any(|value| *value <= 0.0) {
        let interval = student::of_mean(values)?.interval;
        let is_positive = values.iter().all(|value| *value >= 0.0);
        let low = if is_positive { interval.low.max(0.0) } else { interval.low };
        return Some(Interval { low, ..interval });
    }
    let logarithms: Vec<f64> = values.iter().map(|value| libm::log(*value)).collect();
    let (middle, count) = (mean(&logarithms)?, values.len() as f64);
    let variance = deviation(&logarithms)?.powi(2);
    let error = (variance / count + variance * variance / (2.0 * (count - 1.0))).sqrt();
    let half = student::quantile(0.5 + CONFIDENCE / 2.0, count - 1.0) * error;
    let end = |logarithm: f64| libm::exp(middle + variance / 2.0 + logarithm);
    // Of few values, the mean may differ from that of the log-normal law.
    Some(Interval { low: end(-half).min(center), high: end(half).max(center) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_distr::{Distribution, LogNormal, Normal};

    use super::*;
    use crate::base::{Purpose, Streams};

    /// The share of 20,000 repetitions in which the interval covers the mean of the law.
    fn covered(count: u64, law: &impl Distribution<f64>, truth: f64) -> f64 {
        let (streams, trials) = (Streams::new(12), 20_000);
        let hits = (0..trials).filter(|trial| {
            let mut rng = streams.rng(Purpose::Custom, count, *trial);
            let values: Vec<f64> = (0..count).map(|_| law.sample(&mut rng)).collect();
            of_mean(&values).unwrap().contains(truth)
        });
        hits.count() as f64 / trials as f64
    }

    /// The figures of docs/src/howto/compare-results.md.
    #[test]
    fn intervals_cover_the_truth_about_as_often_as_they_say() {
        for count in [3, 5, 10] {
            let normal = covered(count, &Normal::new(10.0, 1.0).unwrap(), 10.0);
            assert!((normal - 0.95).abs() < 0.01, "normal, {count} values: {normal}");
            for sigma in [0.3_f64, 1.0] {
                let law = LogNormal::new(0.0, sigma).unwrap();
                let skewed = covered(count, &law, (sigma * sigma / 2.0).exp());
                assert!((0.93..=0.98).contains(&skewed), "{sigma}, {count} values: {skewed}");
            }
        }
    }

    #[test]
    fn close_values_have_the_interval_of_student() {
        let values = [9.99, 10.0, 10.02, 10.01];
        let (own, student) = (of_mean(&values).unwrap(), student::of_mean(&values).unwrap());
        assert!((own.low - student.interval.low).abs() < 1e-4);
        assert!((own.high - student.interval.high).abs() < 1e-4);
    }

    #[test]
    fn zeros_and_equal_values() {
        assert_eq!(of_mean(&[0.0; 4]), Some(Interval { low: 0.0, high: 0.0 }));
        assert_eq!(of_mean(&[0.0, 0.0, 3.0]).unwrap().low, 0.0);
        assert_eq!(of_mean(&[2.0; 5]), Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!(of_mean(&[1.0, 2.0]), None);
    }

    proptest! {
        #[test]
        fn it_is_positive_and_holds_the_mean(
            values in proptest::collection::vec(1e-6f64..1e6, 3..30)
        ) {
            let interval = of_mean(&values).unwrap();
            prop_assert!(interval.low > 0.0, "{interval:?}");
            prop_assert!(interval.contains(mean(&values).unwrap()));
        }
    }
}
