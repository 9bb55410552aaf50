//! Student's t: the interval of a mean, and of a difference of means with unequal variances
//! (Student 1908; Welch 1947).

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{CONFIDENCE, Estimate, FEWEST, Interval, deviation, mean};

/// A t-distributed number lies below this value with probability `p`. `freedom` is positive.
pub fn quantile(p: f64, freedom: f64) -> f64 {
    law(freedom).inverse_cdf(p)
}

fn law(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("degrees of freedom are positive")
}

/// The mean of `values`; `None` for fewer than [`FEWEST`]. Of paired differences this is the paired
/// t interval.
pub fn of_mean(values: &[f64]) -> Option<Estimate> {
    if values.len() < FEWEST {
        return None;
    }
    let count = values.len() as f64;
    let error = deviation(values)? / count.sqrt();
    Some(estimate(mean(values)?, error, count - 1.0))
}

/// The mean of `b` minus that of `a`, which are not paired; `None` if either has fewer than
/// [`FEWEST`] values.
pub fn of_difference(a: &[f64], b: &[f64]) -> Option<Estimate> {
    if a.len().min(b.len()) < FEWEST {
        return None;
    }
    let part = |values: &[f64]| Some(deviation(values)?.powi(2) / values.len() as f64);
    let (of_a, of_b) = (part(a)?, part(b)?);
    let all = of_a + of_b;
    let weight = |part: f64, values: &[f64]| part * part / (values.len() - 1) as f64;
    // Welch-Satterthwaite.
    let freedom = all * all / (weight(of_a, a) + weight(of_b, b));
    Some(estimate(mean(b)? - mean(a)?, all.sqrt(), freedom))
}

fn estimate(value: f64, error: f64, freedom: f64) -> Estimate {
    // If the squares of the spreads are too small for floating point, the spread counts as zero.
    if !(error > 0.0 && freedom.is_finite()) {
        return Estimate::exact(value);
    }
    let half = quantile(0.5 + CONFIDENCE / 2.0, freedom) * error;
    let p = 2.0 * law(freedom).cdf(-(value / error).abs());
    Estimate { value, interval: Interval { low: value - half, high: value + half }, p }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} {expected}");
    }

    /// From `scipy.stats.t.ppf` (scipy 1.17.1).
    #[test]
    fn quantiles_are_those_of_scipy() {
        for (p, freedom, expected) in [
            (0.8, 1.0, 1.3763819204711738),
            (0.975, 1.0, 12.706204736174694),
            (0.975, 2.0, 4.302652729749462),
            (0.975, 4.5, 2.6589123472044034),
            (0.975, 9.0, 2.262157162798205),
            (0.975, 500.0, 1.9647198374673676),
            (0.9995, 3.0, 12.923978636687961),
            (0.6, 29.0, 0.25568363457125604),
        ] {
            near(quantile(p, freedom), expected, 1e-9);
            near(quantile(1.0 - p, freedom), -expected, 1e-9);
        }
    }

    /// From `scipy.stats.ttest_rel(b, a)` and its `confidence_interval(0.95)`.
    #[test]
    fn paired_differences_are_those_of_scipy() {
        let a = [0.7312, 0.7319, 0.7314, 0.7302, 0.7331];
        let b = [0.7320, 0.7327, 0.7322, 0.7315, 0.7330];
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        let found = of_mean(&differences).unwrap();
        near(found.value, 0.00072, 1e-10);
        near(found.interval.low, 9.053635728510851e-05, 1e-9);
        near(found.interval.high, 0.0013494636427149103, 1e-9);
        near(found.p, 0.03367077311399534, 1e-9);
    }

    /// From `scipy.stats.ttest_ind(b, a, equal_var=False)`.
    #[test]
    fn unpaired_differences_are_those_of_scipy() {
        let (a, b) = ([1.0, 2.5, 0.3, 4.0], [2.0, 9.0, 3.5, 4.1, 7.7, 6.0]);
        let found = of_difference(&a, &b).unwrap();
        near(found.value, 3.4333333333333327, 1e-12);
        near(found.interval.low, 0.2882829974645529, 1e-8);
        near(found.interval.high, 6.578383669202113, 1e-8);
        near(found.p, 0.035956858856795955, 1e-8);
    }

    #[test]
    fn no_spread_and_too_few() {
        assert_eq!(of_mean(&[0.1; 2]), None);
        assert_eq!(of_difference(&[0.1; 2], &[0.2; 9]), None);
        let found = of_mean(&[0.1; 7]).unwrap();
        assert_eq!((found.interval.low, found.interval.high, found.p), (0.1, 0.1, 0.0));
        assert_eq!(of_mean(&[0.0; 3]).unwrap().p, 1.0);
        assert_eq!(of_difference(&[0.5; 3], &[0.5; 4]).unwrap().p, 1.0);
    }

    /// 20 000 repetitions: the covered share is within four standard errors of 95 %.
    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say() {
        let streams = Streams::new(11);
        let trials = 20_000;
        for count in [3, 5, 20] {
            let mut covered = 0;
            for trial in 0..trials {
                let mut rng = streams.rng(Purpose::Custom, count, trial);
                let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
                let values: Vec<f64> = (0..count).map(|_| 2.0 + draw()).collect();
                covered += u64::from(of_mean(&values).unwrap().interval.contains(2.0));
            }
            let share = covered as f64 / trials as f64;
            assert!((share - 0.95).abs() < 0.0062, "{count} values: {share}");
        }
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter_and_the_sign_turns_everything(
            values in proptest::collection::vec(-1e3f64..1e3, 3..20)
        ) {
            let found = of_mean(&values).unwrap();
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            let again = of_mean(&reversed).unwrap();
            let close = |x: f64, y: f64| (x - y).abs() <= 1e-9 * (1.0 + x.abs());
            prop_assert!(close(found.value, again.value));
            prop_assert!(close(found.interval.low, again.interval.low));
            let turned: Vec<f64> = values.iter().map(|value| -value).collect();
            let turned = of_mean(&turned).unwrap();
            prop_assert_eq!(turned.value, -found.value);
            prop_assert_eq!(turned.interval.low, -found.interval.high);
            prop_assert_eq!(turned.p, found.p);
            prop_assert!(found.interval.contains(found.value));
            // The interval excludes zero exactly when the p-value says so.
            prop_assert_eq!(found.p < 0.05, !found.interval.contains(0.0));
        }
    }
}
