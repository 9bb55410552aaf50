//! How far values are apart: the interval of a standard deviation (chi-squared), and of the ratio
//! of two (Fisher's F). Both assume normal values, and are too narrow for heavy tails.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

use super::{CONFIDENCE, Estimate, FEWEST, Interval, deviation};

/// The probability below the interval, and the same above it.
const TAIL: f64 = (1.0 - CONFIDENCE) / 2.0;

/// The standard deviation of `values` and its interval; `None` for fewer than [`FEWEST`].
pub fn of_deviation(values: &[f64]) -> Option<(f64, Interval)> {
    if values.len() < FEWEST {
        return None;
    }
    let deviation = deviation(values)?;
    let freedom = (values.len() - 1) as f64;
    let law = ChiSquared::new(freedom).expect("degrees of freedom are positive");
    let end = |p: f64| deviation * (freedom / law.inverse_cdf(p)).sqrt();
    Some((deviation, Interval { low: end(1.0 - TAIL), high: end(TAIL) }))
}

/// The standard deviation of `b` over that of `a`, which are independent; `p` is for the hypothesis
/// that they are equal. `None` if either has fewer than [`FEWEST`] values, or only equal ones.
pub fn of_ratio(a: &[f64], b: &[f64]) -> Option<Estimate> {
    if a.len().min(b.len()) < FEWEST {
        return None;
    }
    let (of_a, of_b) = (deviation(a)?, deviation(b)?);
    if of_a <= 0.0 || of_b <= 0.0 {
        return None;
    }
    let freedom = |values: &[f64]| (values.len() - 1) as f64;
    let law = FisherSnedecor::new(freedom(b), freedom(a)).expect("degrees of freedom are positive");
    let ratio = of_b / of_a;
    let below = law.cdf(ratio * ratio);
    let end = |p: f64| ratio / law.inverse_cdf(p).sqrt();
    Some(Estimate {
        value: ratio,
        interval: Interval { low: end(1.0 - TAIL), high: end(TAIL) },
        p: (2.0 * below.min(1.0 - below)).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-5 * expected.abs(), "{found} {expected}");
    }

    fn values(scale: f64) -> Vec<f64> {
        (0..10).map(|k| scale * f64::from(k)).collect()
    }

    /// Quantiles of printed tables: chi-squared with 9 degrees of freedom 2.70039 and 19.02277,
    /// F with 9 and 9 degrees of freedom 4.02599.
    #[test]
    fn intervals_are_those_of_the_tables() {
        let (deviation, interval) = of_deviation(&values(2.0)).unwrap();
        near(deviation, 2.0 * (82.5f64 / 9.0).sqrt());
        near(interval.low, deviation * (9.0 / 19.022768f64).sqrt());
        near(interval.high, deviation * (9.0 / 2.700389f64).sqrt());
        let ratio = of_ratio(&values(1.0), &values(2.0)).unwrap();
        near(ratio.value, 2.0);
        near(ratio.interval.low, 2.0 / 4.025994f64.sqrt());
        near(ratio.interval.high, 2.0 * 4.025994f64.sqrt());
        assert!((0.04..0.06).contains(&ratio.p), "{}", ratio.p);
    }

    #[test]
    fn equal_spreads_have_a_ratio_of_one_and_too_few_values_none() {
        let same = of_ratio(&values(1.0), &values(-1.0)).unwrap();
        near(same.value, 1.0);
        assert!(same.p > 0.999 && same.interval.contains(1.0));
        assert_eq!(of_ratio(&values(1.0), &[2.0; 5]), None);
        assert_eq!(of_deviation(&[1.0, 2.0]), None);
    }
}
